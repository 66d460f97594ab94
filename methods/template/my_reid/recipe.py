"""How my_reid is trained."""

from __future__ import annotations

from dataclasses import dataclass

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

from .switches import MySwitches


@dataclass(frozen=True)
class _Effort:
    """The settings in which the profiles differ."""

    backbone: str
    size: tuple[int, int]
    epochs: int
    initialisation: Initialisation


EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort("resnet50", (256, 128), 60, Initialisation("imagenet")),
    # Starts from the IDE run on the same data, which all methods share.
    "budget": _Effort("resnet18", (192, 64), 4, FROM_IDE),
    # Enough for a flat loss on the embedded data, for three seeds.
    "study": _Effort("resnet10_slim", (192, 64), 36, FROM_IDE),
    # One epoch shows that everything works. For meaningful figures take a few more, and start from the IDE run.
    "demo": _Effort("resnet10", (128, 64), 1, Initialisation("scratch")),
}


def recipe(switches: MySwitches, dataset: str, profile: Profile) -> Recipe:
    """How the method is trained: ``paper`` as your paper prints it, the other profiles with less effort."""
    effort = EFFORT[profile]
    height, width = effort.size
    return Recipe(
        backbone=effort.backbone,
        height=height,
        width=width,
        sampler=Sampler(identities=8, images_per_identity=4),
        epochs=effort.epochs,
        optimiser=Optimiser("sgd", rate=0.02, momentum=0.9, weight_decay=5e-4, nesterov=True),
        schedule=Schedule(),
        augmentation=Augmentation(flip=0.5),
        initialisation=effort.initialisation,
        flip_test=False,
    )
