"""Pyramid: Pyramidal Person Re-IDentification via Multi-Loss Dynamic Training (CVPR 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.method import Method, Paper
from harness.models.catalogue import TRUNKS
from harness.recipe import Augmentation, Erasing, Initialisation, Optimiser, Profile, Recipe, Sampler, Schedule
from harness.switches import check_values

if TYPE_CHECKING:
    from harness.models.reid import ReIDModel


@dataclass(frozen=True)
class PyramidSwitches:
    """The defaults are the full method. Raises ValueError, in one sentence, for a value that is none."""

    dynamic: bool = True
    """Losses weighted anew at each step (Sec. 3.3); else their plain sum."""

    def __post_init__(self) -> None:
        check_values(self)


def build(switches: PyramidSwitches, num_classes: int, backbone: str) -> ReIDModel:
    """The network. Torch is imported here, so that listing and planning need none."""
    from methods.pyramid.model import Pyramid

    return Pyramid(switches, num_classes, backbone)


@dataclass(frozen=True)
class _Effort:
    """What the profiles spend differently."""

    backbone: str
    sampler: Sampler
    epochs: int
    rate: float
    milestones: tuple[int, ...]
    gamma: float
    initialisation: Initialisation


IDE = Initialisation("run", method="ide")

EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort("resnet50", Sampler(8, 8), 120, 0.01, (60, 70, 80, 90), 0.5, Initialisation("imagenet")),
    "budget": _Effort("resnet18", Sampler(8, 4), 4, 0.02, (3,), 0.1, IDE),
    "demo": _Effort("resnet10", Sampler(8, 4), 7, 0.02, (5,), 0.1, IDE),
}


def recipe(switches: PyramidSwitches, dataset: str, profile: Profile) -> Recipe:
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
        schedule=Schedule(effort.milestones, gamma=effort.gamma),
        augmentation=Augmentation(flip=0.5, erasing=Erasing(probability=0.5)),
        initialisation=effort.initialisation,
        flip_test=False,
    )


def embedding(switches: PyramidSwitches) -> str:
    """The 21 branches side by side."""
    return "feature"


METHOD = Method(
    id="pyramid",
    paper=Paper(title="Pyramidal Person Re-IDentification via Multi-Loss Dynamic Training", venue="CVPR", year=2019),
    switches=PyramidSwitches,
    build=build,
    recipe=recipe,
    embedding=embedding,
)
