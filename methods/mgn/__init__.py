"""MGN: Learning Discriminative Features with Multiple Granularities for Person Re-Identification (ACM MM 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.method import Method, Paper
from harness.models.catalogue import TRUNKS
from harness.recipe import Augmentation, Initialisation, Optimiser, Profile, Recipe, Sampler, Schedule
from harness.switches import check_values

if TYPE_CHECKING:
    from harness.models.reid import ReIDModel


@dataclass(frozen=True)
class MGNSwitches:
    """The defaults are the full method. Raises ValueError, in one sentence, for a value that is none."""

    triplet: bool = True
    """The triplet loss on global features; without it softmax alone (Sec. 4.3)."""

    def __post_init__(self) -> None:
        check_values(self)


def build(switches: MGNSwitches, num_classes: int, backbone: str) -> ReIDModel:
    """The network. Torch is imported here, so that listing and planning need none."""
    from methods.mgn.model import MGN

    return MGN(switches, num_classes, backbone)


@dataclass(frozen=True)
class _Effort:
    """What the profiles spend differently."""

    backbone: str
    sampler: Sampler
    epochs: int
    rate: float
    milestones: tuple[int, ...]
    initialisation: Initialisation


IDE = Initialisation("run", method="ide")

EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort("resnet50", Sampler(16, 4), 80, 0.01, (40, 60), Initialisation("imagenet")),
    "budget": _Effort("resnet18", Sampler(8, 4), 3, 0.02, (2,), IDE),
    "demo": _Effort("resnet10", Sampler(8, 4), 7, 0.02, (5,), IDE),
}


def recipe(switches: MGNSwitches, dataset: str, profile: Profile) -> Recipe:
    """Sec. 4.1 for ``paper``; less of the same for ``budget`` and ``demo``. The same on every dataset."""
    effort = EFFORT[profile]
    height, width = TRUNKS[effort.backbone].input_size
    return Recipe(
        backbone=effort.backbone,
        height=height,
        width=width,
        sampler=effort.sampler,
        epochs=effort.epochs,
        optimiser=Optimiser("sgd", rate=effort.rate, momentum=0.9, weight_decay=5e-4),
        schedule=Schedule(effort.milestones, gamma=0.1),
        augmentation=Augmentation(flip=0.5),
        initialisation=effort.initialisation,
        flip_test=True,
    )


def embedding(switches: MGNSwitches) -> str:
    """The eight reduced features side by side (Sec. 3.2)."""
    return "feature"


METHOD = Method(
    id="mgn",
    paper=Paper(
        title="Learning Discriminative Features with Multiple Granularities for Person Re-Identification",
        venue="ACM MM",
        year=2018,
    ),
    switches=MGNSwitches,
    build=build,
    recipe=recipe,
    embedding=embedding,
)
