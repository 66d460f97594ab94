"""How IDE is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.models.catalogue import TRUNKS
from harness.recipe import (
    Augmentation,
    Initialisation,
    Optimiser,
    Profile,
    Recipe,
    Sampler,
    Schedule,
)
from methods.ide.switches import IDESwitches


@dataclass(frozen=True)
class _Effort:
    """The settings in which the profiles differ. A trunk that starts from ImageNet has a tenth of ``rate``."""

    backbone: str
    epochs: int
    rate: float
    schedule: Schedule
    start: Literal["scratch", "imagenet"]


EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort("resnet50", 60, 0.05, Schedule((40,)), "imagenet"),
    "budget": _Effort("resnet18", 4, 0.05, Schedule((3,)), "scratch"),
    "study": _Effort("resnet10_slim", 40, 0.05, Schedule(cosine_to=0.01), "scratch"),
    "demo": _Effort("resnet10_slim", 20, 0.05, Schedule(cosine_to=0.01), "scratch"),
}


def recipe(switches: IDESwitches, dataset: str, profile: Profile) -> Recipe:
    """Shuffled batches of 32, SGD with Nesterov momentum. The same on every dataset. Sources are in README.md."""
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
        schedule=effort.schedule,
        augmentation=Augmentation(flip=0.5),
        initialisation=Initialisation(effort.start),
        flip_test=True,
    )
