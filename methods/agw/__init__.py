"""AGW: Deep Learning for Person Re-identification, A Survey and Outlook (IEEE TPAMI 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.method import Method, Paper
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

    def __post_init__(self) -> None:
        check_values(self)


def build(switches: AGWSwitches, num_classes: int, backbone: str) -> ReIDModel:
    """The network. Torch is imported here, so that listing and planning need none."""
    from methods.agw.model import AGW

    return AGW(switches, num_classes, backbone)


@dataclass(frozen=True)
class _Effort:
    """What the profiles spend differently."""

    backbone: str
    size: tuple[int, int]
    padding: int
    identities: int
    epochs: int
    rate: float
    warmup: Warmup
    milestones: tuple[int, ...]
    initialisation: Initialisation


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
    "budget": _Effort("resnet18", (192, 64), 5, 16, 4, 3.5e-4, Warmup(1), (3,), IDE),
    "demo": _Effort("resnet10", (192, 64), 5, 8, 8, 1.5e-3, Warmup(1), (6,), IDE),
}


def recipe(switches: AGWSwitches, dataset: str, profile: Profile) -> Recipe:
    """BoT's recipe for ``paper``; less of the same for ``budget`` and ``demo``. The same on every dataset."""
    effort = EFFORT[profile]
    height, width = effort.size
    return Recipe(
        backbone=effort.backbone,
        height=height,
        width=width,
        sampler=Sampler(identities=effort.identities, images_per_identity=4),
        epochs=effort.epochs,
        optimiser=Optimiser("adam", rate=effort.rate, weight_decay=5e-4),
        schedule=Schedule(effort.milestones, gamma=0.1, warmup=effort.warmup),
        augmentation=Augmentation(flip=0.5, padding=effort.padding, erasing=Erasing(probability=0.5)),
        initialisation=effort.initialisation,
        flip_test=False,
    )


def embedding(switches: AGWSwitches) -> str:
    """The feature behind the BN neck."""
    return "feature"


METHOD = Method(
    id="agw",
    paper=Paper(
        title="Deep Learning for Person Re-identification: A Survey and Outlook", venue="IEEE TPAMI", year=2021
    ),
    switches=AGWSwitches,
    build=build,
    recipe=recipe,
    embedding=embedding,
)
