"""How AGW is trained."""

from __future__ import annotations

from dataclasses import dataclass

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
from methods.agw.switches import AGWSwitches


@dataclass(frozen=True)
class _Effort:
    """The settings in which the profiles differ. ``pretrained`` multiplies the rate of all layers before the neck."""

    backbone: str
    size: tuple[int, int]
    padding: int
    identities: int
    epochs: int
    rate: float
    schedule: Schedule
    initialisation: Initialisation
    pretrained: float = 1.0


EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort(
        backbone="resnet50",
        size=(256, 128),
        padding=10,
        identities=16,
        epochs=120,
        rate=3.5e-4,
        # Epoch t of the first ten has t tenths of the rate, as in BoT.
        schedule=Schedule((40, 70), warmup=Warmup(9, start=0.1, each_epoch=True)),
        initialisation=Initialisation("imagenet"),
    ),
    "budget": _Effort("resnet18", (192, 64), 5, 16, 2, 3.5e-4, Schedule(warmup=Warmup(1)), FROM_IDE),
    "study": _Effort(
        "resnet10_slim", (192, 64), 5, 8, 36, 1.5e-3, Schedule(warmup=Warmup(1), cosine_to=0.01), FROM_IDE
    ),
    "demo": _Effort("resnet10_slim", (192, 64), 5, 8, 18, 1.5e-3, Schedule(warmup=Warmup(1), cosine_to=0.01), FROM_IDE),
}


SHORT_WARMUP = Warmup(1, start=0.5, each_epoch=True)
SHORT = Schedule(warmup=SHORT_WARMUP, cosine_to=0.01)

VISIBLE_INFRARED_EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort(
        backbone="resnet50",
        size=(288, 144),
        padding=10,
        identities=8,
        epochs=81,
        rate=0.1,
        # (e + 1) / 10 of the rate in epochs e = 0..9 (code).
        schedule=Schedule((20, 50), warmup=Warmup(9, start=0.1, each_epoch=True)),
        initialisation=Initialisation("imagenet"),
        pretrained=0.1,
    ),
    "budget": _Effort("resnet18", (144, 72), 5, 8, 2, 0.1, Schedule((1,), warmup=SHORT_WARMUP), FROM_IDE, 0.5),
    "study": _Effort("resnet10_slim", (144, 72), 5, 8, 36, 0.1, SHORT, FROM_IDE, 0.5),
    "demo": _Effort("resnet10_slim", (144, 72), 5, 8, 18, 0.1, SHORT, FROM_IDE, 0.5),
}


def recipe(switches: AGWSwitches, dataset: str, profile: Profile) -> Recipe:
    """For ``paper`` BoT's recipe, or the one of the visible-infrared release. The other profiles spend less."""
    effort = (VISIBLE_INFRARED_EFFORT if switches.visible_infrared else EFFORT)[profile]
    height, width = effort.size
    return Recipe(
        backbone=effort.backbone,
        height=height,
        width=width,
        sampler=(
            Sampler(effort.identities, 4, infrared_images_per_identity=4)
            if switches.visible_infrared
            else Sampler(effort.identities, 4, draw="used_up")
        ),
        epochs=effort.epochs,
        optimiser=_optimiser(effort, switches),
        schedule=effort.schedule,
        augmentation=Augmentation(
            flip=0.5,
            padding=effort.padding,
            erasing=None if switches.visible_infrared else Erasing(probability=0.5),
        ),
        initialisation=effort.initialisation,
        flip_test=False,
    )


def _optimiser(effort: _Effort, switches: AGWSwitches) -> Optimiser:
    if not switches.visible_infrared:
        return Optimiser("adam", rate=effort.rate, weight_decay=5e-4)
    before_the_neck = ["trunk."] + ["attention."] * switches.attention + ["pool."] * switches.gem
    return Optimiser(
        "sgd",
        rate=effort.rate,
        momentum=0.9,
        weight_decay=5e-4,
        nesterov=True,
        multipliers=tuple((part, effort.pretrained) for part in before_the_neck),
    )
