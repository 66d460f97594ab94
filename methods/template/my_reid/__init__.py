"""my_reid: what is to be changed here is what your method is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.method import Method, Paper
from harness.recipe import Augmentation, Initialisation, Optimiser, Profile, Recipe, Sampler, Schedule
from harness.switches import check_values

if TYPE_CHECKING:
    from harness.models.reid import ReIDModel


@dataclass(frozen=True)
class MySwitches:
    """What the ablations turn; the defaults are the full method. Raises ValueError for a value that is none."""

    triplet: bool = True

    def __post_init__(self) -> None:
        check_values(self)


def build(switches: MySwitches, num_classes: int, backbone: str) -> ReIDModel:
    """The network. Torch is imported here, so that listing and planning need none."""
    from .model import MyModel

    return MyModel(switches, num_classes, backbone)


@dataclass(frozen=True)
class _Effort:
    """What the profiles spend differently."""

    backbone: str
    size: tuple[int, int]
    epochs: int
    initialisation: Initialisation


EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort("resnet50", (256, 128), 60, Initialisation("imagenet")),
    # Begun from the IDE run of the same data, which all methods share.
    "budget": _Effort("resnet18", (192, 64), 4, Initialisation("run", method="ide")),
    # One epoch shows that everything works. For figures to look at take a few more, and the IDE run here, too.
    "demo": _Effort("resnet10", (128, 64), 1, Initialisation("scratch")),
}


def recipe(switches: MySwitches, dataset: str, profile: Profile) -> Recipe:
    """How the method is trained on a dataset: ``paper`` as your paper prints it, less of the same otherwise."""
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


def embedding(switches: MySwitches) -> str:
    """Which of the features that ``embed`` gives is ranked."""
    return "feature"


METHOD = Method(
    id="my_reid",
    paper=Paper(title="My paper", venue="where it appeared", year=2026),
    switches=MySwitches,
    build=build,
    recipe=recipe,
    embedding=embedding,
)
