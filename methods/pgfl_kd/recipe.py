"""How PGFL-KD is trained."""

from __future__ import annotations

from dataclasses import dataclass

from harness.models.catalogue import TRUNKS
from harness.recipe import (
    FROM_IDE,
    Augmentation,
    Erasing,
    Initialisation,
    Optimiser,
    Profile,
    Recipe,
    Sampler,
    Schedule,
)
from methods.pgfl_kd.switches import PGFLKDSwitches


@dataclass(frozen=True)
class _Effort:
    """The settings in which the profiles differ. ``padding`` is in pixels of the profile's own image size."""

    backbone: str
    sampler: Sampler
    epochs: int
    rate: float
    schedule: Schedule
    padding: int
    initialisation: Initialisation


EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort("resnet50", Sampler(4, 16), 120, 3.5e-4, Schedule((30, 70)), 10, Initialisation("imagenet")),
    "budget": _Effort("resnet18", Sampler(8, 4), 2, 3.5e-4, Schedule((1,)), 5, FROM_IDE),
    "study": _Effort("resnet10_slim", Sampler(8, 4), 40, 2e-3, Schedule(cosine_to=0.01), 5, FROM_IDE),
    "demo": _Effort("resnet10_slim", Sampler(8, 4), 24, 2e-3, Schedule(cosine_to=0.01), 5, FROM_IDE),
}


def recipe(switches: PGFLKDSwitches, dataset: str, profile: Profile) -> Recipe:
    """Sec. 4.2 for ``paper``. The other profiles spend less. All datasets have the same recipe."""
    effort = EFFORT[profile]
    height, width = TRUNKS[effort.backbone].input_size
    return Recipe(
        backbone=effort.backbone,
        height=height,
        width=width,
        sampler=effort.sampler,
        epochs=effort.epochs,
        optimiser=Optimiser("adam", rate=effort.rate, weight_decay=5e-4),
        schedule=effort.schedule,
        augmentation=Augmentation(flip=0.5, padding=effort.padding, erasing=Erasing()),
        initialisation=effort.initialisation,
        flip_test=False,
    )
