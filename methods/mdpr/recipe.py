"""How MDPR is trained."""

from __future__ import annotations

from dataclasses import dataclass

from harness.models.catalogue import TRUNKS
from harness.recipe import (
    FROM_IDE,
    Augmentation,
    Erasing,
    Initialisation,
    Optimiser,
    Patch,
    Profile,
    Recipe,
    Sampler,
    Schedule,
    Warmup,
)
from methods.mdpr.switches import MDPRSwitches

PROCESSES = 4
"""GPUs of the authors' run. Each has a quarter of the batch, mines it by itself and has its own BN statistics."""
FIRST_FACTOR, LAST_FACTOR = 0.1, 1e-7 / 3.5e-4
"""Factors of the rate where the warm-up begins and where the cosine ends: 3.5e-5 and 1e-7 in ``paper``."""
ERASING = Erasing(probability=0.5, area=(0.02, 0.33), aspect=(0.3, 3.3))
"""The fill is the channel mean, which is 0 in normalised units."""
PADDING = 10
"""Pixels of zero padding before a random crop. Only the authors' code pads."""


@dataclass(frozen=True)
class _Effort:
    """The settings in which the profiles differ. A batch has ``identities`` times ``images`` images."""

    backbone: str
    identities: int
    images: int
    epochs: int
    rate: float
    warmup: int
    start: Initialisation


EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort("resnet101_ibn_a", 16, 16, 60, 3.5e-4, 2000, Initialisation("luperson")),
    "budget": _Effort("resnet18_ibn_a", 16, 4, 3, 7e-4, 60, FROM_IDE),
    "study": _Effort("resnet10_slim_ibn_a", 8, 4, 24, 2e-3, 30, FROM_IDE),
    "demo": _Effort("resnet10_slim_ibn_a", 8, 4, 18, 2e-3, 30, FROM_IDE),
}
SYNERGY_EPOCHS, SYNERGY_WARMUP = 40, 200
"""The schedule on SynergyReID, which is smaller (Sec. IV-B)."""


def recipe(switches: MDPRSwitches, dataset: str, profile: Profile) -> Recipe:
    """Sec. IV-B for ``paper``. The other profiles spend less."""
    effort = EFFORT[profile]
    epochs, warmup = effort.epochs, effort.warmup
    if profile == "paper" and dataset == "synergyreid":
        epochs, warmup = SYNERGY_EPOCHS, SYNERGY_WARMUP
    height, width = TRUNKS[effort.backbone].input_size
    groups = PROCESSES if switches.released else 1
    return Recipe(
        backbone=effort.backbone,
        height=height,
        width=width,
        sampler=Sampler(
            effort.identities // groups, effort.images, groups=groups, draw="used_up" if switches.released else "anew"
        ),
        epochs=epochs,
        optimiser=Optimiser("adam", rate=effort.rate, weight_decay=5e-4),
        schedule=Schedule(warmup=Warmup(warmup, "iterations", start=FIRST_FACTOR), cosine_to=LAST_FACTOR),
        augmentation=Augmentation(
            flip=0.5, padding=PADDING if switches.released else 0, erasing=ERASING, patch=Patch(probability=0.5)
        ),
        initialisation=effort.start,
        losses_over="local" if switches.released else "gathered",
        flip_test=False,
    )
