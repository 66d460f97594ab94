"""AGW: Deep Learning for Person Re-identification, A Survey and Outlook (IEEE TPAMI 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.method import Method, Paper, PriorNeeds
from harness.recipe import (
    Augmentation,
    Erasing,
    Initialisation,
    Optimiser,
    Profile,
    Recipe,
    Sampler,
    Schedule,
    Warmup,
)
from harness.switches import check_values

if TYPE_CHECKING:
    from harness.models.reid import ReIDModel


@dataclass(frozen=True)
class AGWSwitches:
    """What AGW adds to BoT (Sec. 4.2), by its letters. Raises ValueError, in one sentence, for a value that is none."""

    attention: bool = True
    """Non-local blocks in the second and third residual stages."""
    gem: bool = True
    """Generalised mean pooling; else the mean."""
    weighted_triplet: bool = True
    """The weighted regularised triplet loss; else the batch-hard one of BoT."""
    visible_infrared: bool = False
    """The form for two modalities: a stem for each of them, and a recipe and losses of its own."""

    def __post_init__(self) -> None:
        check_values(self)


def build(switches: AGWSwitches, num_classes: int, backbone: str) -> ReIDModel:
    """The network. Torch is imported here, so that listing and planning need none."""
    from methods.agw.model import AGW

    return AGW(switches, num_classes, backbone)


@dataclass(frozen=True)
class _Effort:
    """What the profiles spend differently. ``pretrained`` multiplies the rate of all before the neck."""

    backbone: str
    size: tuple[int, int]
    padding: int
    identities: int
    epochs: int
    rate: float
    warmup: Warmup
    milestones: tuple[int, ...]
    initialisation: Initialisation
    pretrained: float = 1.0


IDE = Initialisation("run", method="ide")

EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort(
        backbone="resnet50",
        size=(256, 128),
        padding=10,
        identities=16,
        epochs=120,
        rate=3.5e-4,
        # Epoch t of the first ten has t tenths of the rate, as in BoT.
        warmup=Warmup(9, start=0.1, each_epoch=True),
        milestones=(40, 70),
        initialisation=Initialisation("imagenet"),
    ),
    "budget": _Effort("resnet18", (192, 64), 5, 16, 2, 3.5e-4, Warmup(1), (), IDE),
    "demo": _Effort("resnet10", (192, 64), 5, 8, 8, 1.5e-3, Warmup(1), (6,), IDE),
}


VISIBLE_INFRARED_EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort(
        backbone="resnet50",
        size=(288, 144),
        padding=10,
        identities=8,
        epochs=81,
        rate=0.1,
        # (e + 1) / 10 of the rate in epochs e = 0..9 (code).
        warmup=Warmup(9, start=0.1, each_epoch=True),
        milestones=(20, 50),
        initialisation=Initialisation("imagenet"),
        pretrained=0.1,
    ),
    "budget": _Effort("resnet18", (144, 72), 5, 8, 2, 0.1, Warmup(1, start=0.5, each_epoch=True), (1,), IDE, 0.5),
    "demo": _Effort("resnet10", (144, 72), 5, 8, 7, 0.1, Warmup(1, start=0.5, each_epoch=True), (5, 6), IDE, 0.5),
}


def recipe(switches: AGWSwitches, dataset: str, profile: Profile) -> Recipe:
    """That of BoT, or of the visible-infrared release, for ``paper``; less of the same for ``budget`` and ``demo``."""
    effort = (VISIBLE_INFRARED_EFFORT if switches.visible_infrared else EFFORT)[profile]
    height, width = effort.size
    return Recipe(
        backbone=effort.backbone,
        height=height,
        width=width,
        sampler=Sampler(effort.identities, 4, infrared_images_per_identity=4 if switches.visible_infrared else 0),
        epochs=effort.epochs,
        optimiser=_optimiser(effort, switches),
        schedule=Schedule(effort.milestones, gamma=0.1, warmup=effort.warmup),
        augmentation=Augmentation(
            flip=0.5,
            padding=effort.padding,
            erasing=None if switches.visible_infrared else Erasing(probability=0.5),
        ),
        initialisation=effort.initialisation,
        flip_test=False,
    )


def _optimiser(effort: _Effort, switches: AGWSwitches) -> Optimiser:
    if not switches.visible_infrared:
        return Optimiser("adam", rate=effort.rate, weight_decay=5e-4)
    before_the_neck = ["trunk."] + ["attention."] * switches.attention + ["pool."] * switches.gem
    return Optimiser(
        "sgd",
        rate=effort.rate,
        momentum=0.9,
        weight_decay=5e-4,
        nesterov=True,
        multipliers=tuple((part, effort.pretrained) for part in before_the_neck),
    )


def embedding(switches: AGWSwitches) -> str:
    """The feature behind the BN neck."""
    return "feature"


def priors(switches: AGWSwitches) -> PriorNeeds:
    """With two stems each image goes through that of its modality, at test, too."""
    needed = ("infrared",) if switches.visible_infrared else ()
    return PriorNeeds(training=needed, inference=needed)


METHOD = Method(
    id="agw",
    paper=Paper(
        title="Deep Learning for Person Re-identification: A Survey and Outlook", venue="IEEE TPAMI", year=2021
    ),
    switches=AGWSwitches,
    build=build,
    recipe=recipe,
    embedding=embedding,
    priors=priors,
)
