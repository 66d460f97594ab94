"""IDE: identity classification on a ResNet, the model that MPN's trunk starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.method import Method, Paper
from harness.models.catalogue import TRUNKS
from harness.recipe import Augmentation, Initialisation, Optimiser, Profile, Recipe, Sampler, Schedule
from harness.switches import check_values

if TYPE_CHECKING:
    from harness.models.reid import ReIDModel

SpatialAttention = Literal["none", "rga_s"]


@dataclass(frozen=True)
class IDESwitches:
    """The trunk that is trained. Raises ValueError, in one sentence, for a value that is none."""

    spatial_attention: SpatialAttention = "none"
    """RGA-S in the trunk: MPN* starts from an IDE that was trained with it."""

    def __post_init__(self) -> None:
        check_values(self)


def build(switches: IDESwitches, num_classes: int, backbone: str) -> ReIDModel:
    """The network. Torch is imported here, so that listing and planning need none."""
    from methods.ide.model import IDE

    return IDE(switches, num_classes, backbone)


@dataclass(frozen=True)
class _Effort:
    """What the profiles spend differently. The trunk's rate is a tenth of ``rate`` where it starts from ImageNet."""

    backbone: str
    epochs: int
    rate: float
    milestones: tuple[int, ...]
    start: Literal["scratch", "imagenet"]


EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort("resnet50", 60, 0.05, (40,), "imagenet"),
    "budget": _Effort("resnet18", 4, 0.05, (3,), "scratch"),
    "demo": _Effort("resnet10", 12, 0.05, (9,), "scratch"),
}


def recipe(switches: IDESwitches, dataset: str, profile: Profile) -> Recipe:
    """Shuffled batches of 32, SGD with Nesterov momentum; the same on every dataset. Sources are in README.md."""
    effort = EFFORT[profile]
    height, width = TRUNKS[effort.backbone].input_size
    return Recipe(
        backbone=effort.backbone,
        height=height,
        width=width,
        sampler=Sampler(identities=32, images_per_identity=None),
        epochs=effort.epochs,
        optimiser=Optimiser(
            "sgd",
            rate=effort.rate,
            momentum=0.9,
            weight_decay=5e-4,
            nesterov=True,
            multipliers=(("trunk.", 0.1),) if effort.start == "imagenet" else (),
        ),
        schedule=Schedule(milestones=effort.milestones, gamma=0.1),
        augmentation=Augmentation(flip=0.5),
        initialisation=Initialisation(effort.start),
        flip_test=True,
    )


def embedding(switches: IDESwitches) -> str:
    """The one test feature there is."""
    return "feature"


METHOD = Method(
    id="ide",
    paper=Paper(title="Person Re-identification: Past, Present and Future", venue="arXiv 1610.02984", year=2016),
    switches=IDESwitches,
    build=build,
    recipe=recipe,
    embedding=embedding,
)
