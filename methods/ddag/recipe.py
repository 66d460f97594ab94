"""How DDAG is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.recipe import (
    FROM_IDE,
    Augmentation,
    Initialisation,
    Optimiser,
    Profile,
    Recipe,
    Sampler,
    Schedule,
    Warmup,
)
from methods.ddag.switches import IMAGES_PER_MODALITY, DDAGSwitches

SAMPLER = Sampler(8, IMAGES_PER_MODALITY, infrared_images_per_identity=IMAGES_PER_MODALITY)
"""Sec. 4.1: 8 identities, 4 visible and 4 infrared images of each."""


@dataclass(frozen=True)
class _Effort:
    """The settings in which the profiles differ. ``trunk`` multiplies the rate of stems and trunk."""

    backbone: str
    size: tuple[int, int]
    padding: int
    epochs: int
    rate: float
    trunk: float
    schedule: Schedule
    initialisation: Initialisation


PAPER = _Effort(
    backbone="resnet50",
    size=(288, 144),
    padding=10,
    epochs=80,
    rate=0.1,
    trunk=0.1,
    # (e + 1) / 10 of the rate in epochs e = 0..9 (code; the paper cites [27] for its warm-up and prints no length).
    schedule=Schedule((30, 50), warmup=Warmup(9, start=0.1, each_epoch=True)),
    initialisation=Initialisation("imagenet"),
)
RELEASED_EPOCHS, RELEASED_MILESTONES = 81, (20, 50)
"""The schedule of the authors' code, which differs from Sec. 4.1."""

SHORT_WARMUP = Warmup(1, start=0.5, each_epoch=True)
SHORT = Schedule(warmup=SHORT_WARMUP, cosine_to=0.01)

EFFORT: dict[Profile, _Effort] = {
    "paper": PAPER,
    "budget": _Effort("resnet18", (144, 72), 5, 2, 0.1, 0.5, Schedule((1,), warmup=SHORT_WARMUP), FROM_IDE),
    "study": _Effort("resnet10_slim", (144, 72), 5, 96, 0.1, 0.5, SHORT, FROM_IDE),
    "demo": _Effort("resnet10_slim", (144, 72), 5, 18, 0.1, 0.5, SHORT, FROM_IDE),
}


def recipe(switches: DDAGSwitches, dataset: str, profile: Profile) -> Recipe:
    """Sec. 4.1 for ``paper``. The other profiles spend less. All datasets have the same recipe."""
    effort = EFFORT[profile]
    released = switches.variant == "released" and profile == "paper"
    height, width = effort.size
    return Recipe(
        backbone=effort.backbone,
        height=height,
        width=width,
        sampler=SAMPLER,
        epochs=RELEASED_EPOCHS if released else effort.epochs,
        optimiser=Optimiser(
            "sgd",
            rate=effort.rate,
            momentum=0.9,
            weight_decay=5e-4,
            nesterov=True,
            multipliers=(("trunk.", effort.trunk),),
        ),
        schedule=replace(effort.schedule, milestones=RELEASED_MILESTONES) if released else effort.schedule,
        augmentation=Augmentation(flip=0.5, padding=effort.padding),
        initialisation=effort.initialisation,
        flip_test=False,
    )
