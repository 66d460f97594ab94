"""How BoT is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    Warmup,
)
from methods.bot.switches import BoTSwitches


@dataclass(frozen=True)
class _Effort:
    """The settings in which the profiles differ."""

    backbone: str
    size: tuple[int, int]
    padding: int
    identities: int
    epochs: int
    rate: float
    schedule: Schedule
    initialisation: Initialisation


EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort(
        backbone="resnet50",
        size=(256, 128),
        padding=10,
        identities=16,
        epochs=120,
        rate=3.5e-4,
        # Epoch t of the first ten has t tenths of the rate (Eq. 1, less its misprint).
        schedule=Schedule((40, 70), warmup=Warmup(9, start=0.1, each_epoch=True)),
        initialisation=Initialisation("imagenet"),
    ),
    "budget": _Effort("resnet18", (192, 64), 5, 16, 2, 3.5e-4, Schedule(warmup=Warmup(1)), FROM_IDE),
    "study": _Effort(
        "resnet10_slim", (192, 64), 5, 8, 36, 1.5e-3, Schedule(warmup=Warmup(1), cosine_to=0.01), FROM_IDE
    ),
    "demo": _Effort("resnet10_slim", (192, 64), 5, 8, 18, 1.5e-3, Schedule(warmup=Warmup(1), cosine_to=0.01), FROM_IDE),
}


def recipe(switches: BoTSwitches, dataset: str, profile: Profile) -> Recipe:
    """Sec. 2 and 3 for ``paper``. The other profiles spend less. All datasets have the same recipe."""
    effort = EFFORT[profile]
    height, width = effort.size
    return Recipe(
        backbone=effort.backbone,
        height=height,
        width=width,
        sampler=Sampler(identities=effort.identities, images_per_identity=4, draw="used_up"),
        epochs=effort.epochs,
        optimiser=Optimiser("adam", rate=effort.rate, weight_decay=5e-4),
        schedule=effort.schedule if switches.warmup else replace(effort.schedule, warmup=None),
        augmentation=Augmentation(
            flip=0.5, padding=effort.padding, erasing=Erasing(probability=0.5) if switches.erasing else None
        ),
        initialisation=effort.initialisation,
        flip_test=False,
    )
