"""How PCB is trained."""

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
from methods.pcb.switches import PCBSwitches


@dataclass(frozen=True)
class _Effort:
    """The settings in which the profiles differ. ``trunk`` multiplies the trunk's rate."""

    backbone: str
    epochs: int
    rate: float
    trunk: float
    schedule: Schedule
    initialisation: Initialisation
    stage_epochs: int
    """Epochs of each of the two stages of refined part pooling, at a tenth of the rate."""


EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort("resnet50", 60, 0.1, 0.1, Schedule((40,)), Initialisation("imagenet"), 10),
    "budget": _Effort("resnet18", 2, 0.1, 0.5, Schedule((1,)), FROM_IDE, 1),
    "study": _Effort("resnet10_slim", 36, 0.1, 0.5, Schedule(cosine_to=0.01), FROM_IDE, 8),
    "demo": _Effort("resnet10_slim", 18, 0.1, 0.5, Schedule(cosine_to=0.01), FROM_IDE, 4),
}


def recipe(switches: PCBSwitches, dataset: str, profile: Profile) -> Recipe:
    """Sec. 4.1 for ``paper``. The other profiles spend less. All datasets have the same recipe."""
    effort = EFFORT[profile]
    height, width = TRUNKS[effort.backbone].input_size
    staged = switches.pooling != "uniform"
    before = {"induced": "uniform", "refined": "induced"}
    return Recipe(
        backbone=effort.backbone,
        height=height,
        width=width,
        sampler=Sampler(identities=64, images_per_identity=None),
        epochs=effort.stage_epochs if staged else effort.epochs,
        optimiser=Optimiser(
            "sgd",
            rate=effort.rate * (0.1 if staged else 1),
            momentum=0.9,
            weight_decay=5e-4,
            nesterov=True,
            multipliers=(("trunk.", effort.trunk),) if switches.pooling != "induced" else (),
        ),
        schedule=Schedule() if staged else effort.schedule,
        augmentation=Augmentation(flip=0.5),
        initialisation=Initialisation("run", "pcb", {"pooling": before[switches.pooling]}, part="model")
        if staged
        else effort.initialisation,
        flip_test=False,
    )
