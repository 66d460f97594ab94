"""BoT: Bag of Tricks and a Strong Baseline for Deep Person Re-Identification (CVPRW 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.method import Method, Paper
from harness.recipe import (
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
from harness.switches import check_values

if TYPE_CHECKING:
    from harness.models.reid import ReIDModel


@dataclass(frozen=True)
class BoTSwitches:
    """The six tricks (Sec. 3); all of them are the full method, none the standard baseline (Sec. 2).

    Raises ValueError, in one sentence, for a value that is none.
    """

    warmup: bool = True
    erasing: bool = True
    smoothing: bool = True
    last_stride: Literal[1, 2] = 1
    bnneck: bool = True
    centre: bool = True

    def __post_init__(self) -> None:
        check_values(self)


def build(switches: BoTSwitches, num_classes: int, backbone: str) -> ReIDModel:
    """The network. Torch is imported here, so that listing and planning need none."""
    from methods.bot.model import BoT

    return BoT(switches, num_classes, backbone)


@dataclass(frozen=True)
class _Effort:
    """What the profiles spend differently."""

    backbone: str
    size: tuple[int, int]
    padding: int
    identities: int
    epochs: int
    rate: float
    warmup: Warmup
    milestones: tuple[int, ...]
    initialisation: Initialisation


IDE = Initialisation("run", method="ide")

EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort(
        backbone="resnet50",
        size=(256, 128),
        padding=10,
        identities=16,
        epochs=120,
        rate=3.5e-4,
        # Epoch t of the first ten has t tenths of the rate (Eq. 1, less its misprint).
        warmup=Warmup(9, start=0.1, each_epoch=True),
        milestones=(40, 70),
        initialisation=Initialisation("imagenet"),
    ),
    "budget": _Effort("resnet18", (192, 64), 5, 16, 2, 3.5e-4, Warmup(1), (), IDE),
    "demo": _Effort("resnet10", (192, 64), 5, 8, 8, 1.5e-3, Warmup(1), (6,), IDE),
}


def recipe(switches: BoTSwitches, dataset: str, profile: Profile) -> Recipe:
    """Sec. 2 and 3 for ``paper``; less of the same for ``budget`` and ``demo``. The same on every dataset."""
    effort = EFFORT[profile]
    height, width = effort.size
    return Recipe(
        backbone=effort.backbone,
        height=height,
        width=width,
        sampler=Sampler(identities=effort.identities, images_per_identity=4),
        epochs=effort.epochs,
        optimiser=Optimiser("adam", rate=effort.rate, weight_decay=5e-4),
        schedule=Schedule(effort.milestones, gamma=0.1, warmup=effort.warmup if switches.warmup else None),
        augmentation=Augmentation(
            flip=0.5, padding=effort.padding, erasing=Erasing(probability=0.5) if switches.erasing else None
        ),
        initialisation=effort.initialisation,
        flip_test=False,
    )


def embedding(switches: BoTSwitches) -> str:
    """f_i, behind the neck (Sec. 3.5); without a neck it is f_t."""
    return "f_i"


METHOD = Method(
    id="bot",
    paper=Paper(
        title="Bag of Tricks and a Strong Baseline for Deep Person Re-Identification", venue="CVPRW", year=2019
    ),
    switches=BoTSwitches,
    build=build,
    recipe=recipe,
    embedding=embedding,
)
