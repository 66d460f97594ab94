"""How MGN is trained."""

from __future__ import annotations

from dataclasses import dataclass

from harness.models.catalogue import TRUNKS
from harness.recipe import (
    FROM_IDE,
    Augmentation,
    Initialisation,
    Optimiser,
    Profile,
    Recipe,
    Sampler,
    Schedule,
)
from methods.mgn.switches import MGNSwitches


@dataclass(frozen=True)
class _Effort:
    """The settings in which the profiles differ."""

    backbone: str
    sampler: Sampler
    epochs: int
    rate: float
    schedule: Schedule
    initialisation: Initialisation


EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort("resnet50", Sampler(16, 4), 80, 0.01, Schedule((40, 60)), Initialisation("imagenet")),
    "budget": _Effort("resnet18", Sampler(8, 4), 3, 0.02, Schedule((2,)), FROM_IDE),
    "study": _Effort("resnet10_slim", Sampler(8, 4), 36, 0.02, Schedule(cosine_to=0.01), FROM_IDE),
    "demo": _Effort("resnet10_slim", Sampler(8, 4), 18, 0.02, Schedule(cosine_to=0.01), FROM_IDE),
}


def recipe(switches: MGNSwitches, dataset: str, profile: Profile) -> Recipe:
    """Sec. 4.1 for ``paper``. The other profiles spend less. All datasets have the same recipe."""
    effort = EFFORT[profile]
    height, width = TRUNKS[effort.backbone].input_size
    return Recipe(
        backbone=effort.backbone,
        height=height,
        width=width,
        sampler=effort.sampler,
        epochs=effort.epochs,
        optimiser=Optimiser("sgd", rate=effort.rate, momentum=0.9, weight_decay=5e-4),
        schedule=effort.schedule,
        augmentation=Augmentation(flip=0.5),
        initialisation=effort.initialisation,
        flip_test=True,
    )
