"""How MPN is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.models.catalogue import TRUNKS
from harness.recipe import (
    FROM_IDE,
    Augmentation,
    Erasing,
    Optimiser,
    Profile,
    Recipe,
    Sampler,
    Schedule,
    Translation,
)
from methods.mpn.switches import MPNSwitches

ERASING = Erasing(probability=0.5, area=(0.02, 0.4), aspect=(0.3, 3.33), fill=(0.4914, 0.4822, 0.4465))


@dataclass(frozen=True)
class _Effort:
    """The settings in which the profiles differ."""

    backbone: str
    sampler: Sampler
    epochs: int
    rate: float
    schedule: Schedule
    translation: Translation | None


EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort("resnet50", Sampler(6, 8), 70, 0.01, Schedule((20, 40, 60)), Translation(copies=4, fraction=0.05)),
    "budget": _Effort("resnet18", Sampler(8, 4), 4, 0.02, Schedule((3,)), None),
    "study": _Effort("resnet10_slim", Sampler(8, 4), 30, 0.04, Schedule(cosine_to=0.01), None),
    "demo": _Effort("resnet10_slim", Sampler(8, 4), 18, 0.04, Schedule(cosine_to=0.01), None),
}


def recipe(switches: MPNSwitches, dataset: str, profile: Profile) -> Recipe:
    """Sec. 5.1 for ``paper``. The other profiles spend less. All datasets have the same recipe."""
    effort = EFFORT[profile]
    height, width = TRUNKS[effort.backbone].input_size
    return Recipe(
        backbone=effort.backbone,
        height=height,
        width=width,
        sampler=effort.sampler,
        epochs=effort.epochs,
        optimiser=Optimiser("sgd", rate=effort.rate, momentum=0.9, weight_decay=5e-4, nesterov=True),
        schedule=effort.schedule,
        augmentation=Augmentation(flip=0.5, translation=effort.translation, erasing=ERASING),
        initialisation=replace(FROM_IDE, switches={"spatial_attention": switches.spatial_attention}),
        flip_test=True,
    )
