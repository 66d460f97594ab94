"""PCB: Beyond Part Models (and a Strong Convolutional Baseline), with refined part pooling (ECCV 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.method import Method, Paper
from harness.models.catalogue import TRUNKS
from harness.recipe import Augmentation, Initialisation, Optimiser, Profile, Recipe, Sampler, Schedule
from harness.switches import check_values

if TYPE_CHECKING:
    from harness.models.reid import ReIDModel


@dataclass(frozen=True)
class PCBSwitches:
    """Defaults are the full method, "PCB+RPP". Raises ValueError, in one sentence, for a value that is none."""

    pooling: Literal["uniform", "induced", "refined"] = "refined"
    """``uniform``: stripes, "PCB". The others are the stages of refined part pooling (Sec. 3.4, Algorithm 1), each
    begun from the one before: ``induced`` trains the part classifier alone, ``refined`` the whole network."""
    descriptor: Literal["g", "h"] = "g"
    """What is ranked: the pooled parts, or their 256-wide reductions (Sec. 3.2)."""

    def __post_init__(self) -> None:
        check_values(self)


def build(switches: PCBSwitches, num_classes: int, backbone: str) -> ReIDModel:
    """The network. Torch is imported here, so that listing and planning need none."""
    from methods.pcb.model import PCB

    return PCB(switches, num_classes, backbone)


@dataclass(frozen=True)
class _Effort:
    """What the profiles spend differently. ``trunk`` multiplies the trunk's rate."""

    backbone: str
    epochs: int
    rate: float
    trunk: float
    milestones: tuple[int, ...]
    initialisation: Initialisation
    stage_epochs: int
    """Epochs of each of the two stages of refined part pooling, at a tenth of the rate."""


IDE = Initialisation("run", method="ide")

EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort("resnet50", 60, 0.1, 0.1, (40,), Initialisation("imagenet"), 10),
    "budget": _Effort("resnet18", 2, 0.1, 0.5, (1,), IDE, 1),
    "demo": _Effort("resnet10", 7, 0.1, 0.5, (5,), IDE, 2),
}


def recipe(switches: PCBSwitches, dataset: str, profile: Profile) -> Recipe:
    """Sec. 4.1 for ``paper``; less of the same for ``budget`` and ``demo``. The same on every dataset."""
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
        schedule=Schedule(() if staged else effort.milestones, gamma=0.1),
        augmentation=Augmentation(flip=0.5),
        initialisation=Initialisation("run", "pcb", {"pooling": before[switches.pooling]}, part="model")
        if staged
        else effort.initialisation,
        flip_test=False,
    )


def embedding(switches: PCBSwitches) -> str:
    """The descriptor that is ranked."""
    return switches.descriptor


METHOD = Method(
    id="pcb",
    paper=Paper(
        title="Beyond Part Models: Person Retrieval with Refined Part Pooling (and a Strong Convolutional Baseline)",
        venue="ECCV",
        year=2018,
    ),
    switches=PCBSwitches,
    build=build,
    recipe=recipe,
    embedding=embedding,
    test_switches=frozenset({"descriptor"}),
)
