"""DDAG: Dynamic Dual-Attentive Aggregation Learning for Visible-Infrared Person Re-Identification (ECCV 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.method import Method, Paper, PriorNeeds
from harness.recipe import (
    Augmentation,
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

SAMPLER = Sampler(identities=8, images_per_identity=4, infrared_images_per_identity=4)
"""Sec. 4.1: 8 identities, of each 4 visible and 4 infrared images."""

IMAGES_OF_AN_IDENTITY = SAMPLER.batch_size // SAMPLER.identities
"""What such a batch holds of each identity: the most neighbours that a node of the graph can have, itself included."""


@dataclass(frozen=True)
class DDAGSwitches:
    """Every switch that the paper's ablations turn; the defaults are its full method, "B+P+G" of Table 1.

    Switches of an attention that is off mean nothing and are set to ``none`` or 0, the test feature without part
    attention to ``f``, so that rows which train the same network are equal. Raises ValueError, in one sentence, for a
    value or a combination that names no variant.
    """

    part_attention: bool = True
    """P: intra-modality weighted-part aggregation, IWPA (Sec. 3.2)."""
    part_aggregation: Literal["none", "avg", "concat", "weight"] = "weight"
    """How part features become one (Table 2)."""
    part_residual: Literal["none", "res", "rbn"] = "rbn"
    """What is added to them: nothing, the pooled feature, or that after BN (Table 2)."""
    parts: int = 3
    """p of Eq. 5."""
    graph: bool = True
    """G: cross-modality graph structured attention, CGSA (Sec. 3.3)."""
    dual_aggregation: Literal["none", "dynamic"] = "dynamic"
    """The weight of the graph loss: 1 throughout, or that of Eq. 11 (Sec. 3.4)."""
    heads: int = 4
    """L of Eq. 8."""
    graph_neighbours: int = 8
    """N_g of Table 3: images of its identity that a node of the graph attends to, itself included."""
    variant: Literal["paper", "released"] = "paper"
    """Where the authors' released code differs from their text, which of the two is followed."""
    test_feature: Literal["x_star", "f"] = "x_star"
    """The feature that is ranked: x* (Sec. 3.2), or f of the BN neck, the only one where there is no part attention."""

    def __post_init__(self) -> None:
        self._check_values()
        if self.part_attention:
            if self.part_aggregation == "none" or self.parts < 1:
                raise ValueError("part_attention needs a part_aggregation other than none and 1 part or more")
        else:
            self._reset(part_aggregation="none", part_residual="none", parts=0, test_feature="f")
        if self.graph:
            if self.heads < 1 or not 1 <= self.graph_neighbours <= IMAGES_OF_AN_IDENTITY:
                raise ValueError(f"graph needs 1 head or more and 1 to {IMAGES_OF_AN_IDENTITY} graph_neighbours")
        else:
            self._reset(dual_aggregation="none", heads=0, graph_neighbours=0)

    def _check_values(self) -> None:
        check_values(self)
        for name in ("parts", "heads", "graph_neighbours"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise ValueError(f"{name} must be a whole number, 0 or more, not {value!r}")

    def _reset(self, **unused: str | int) -> None:
        for name, value in unused.items():
            object.__setattr__(self, name, value)


def build(switches: DDAGSwitches, num_classes: int, backbone: str) -> ReIDModel:
    """The network. Torch is imported here, so that listing and planning need none."""
    from methods.ddag.model import DDAG

    return DDAG(switches, num_classes, backbone)


@dataclass(frozen=True)
class _Effort:
    """What the profiles spend differently. ``trunk`` multiplies the rate of stems and trunk."""

    backbone: str
    size: tuple[int, int]
    padding: int
    epochs: int
    rate: float
    trunk: float
    warmup: Warmup
    milestones: tuple[int, ...]
    initialisation: Initialisation


IDE = Initialisation("run", method="ide")

PAPER = _Effort(
    backbone="resnet50",
    size=(288, 144),
    padding=10,
    epochs=80,
    rate=0.1,
    trunk=0.1,
    # (e + 1) / 10 of the rate in epochs e = 0..9 (code; the paper cites [27] for its warm-up and prints no length).
    warmup=Warmup(9, start=0.1, each_epoch=True),
    milestones=(30, 50),
    initialisation=Initialisation("imagenet"),
)
RELEASED_EPOCHS, RELEASED_MILESTONES = 81, (20, 50)
"""The schedule of the authors' code, which differs from that of Sec. 4.1."""

EFFORT: dict[Profile, _Effort] = {
    "paper": PAPER,
    "budget": _Effort("resnet18", (144, 72), 5, 2, 0.1, 0.5, Warmup(1, start=0.5, each_epoch=True), (1,), IDE),
    "demo": _Effort("resnet10", (144, 72), 5, 7, 0.1, 0.5, Warmup(1, start=0.5, each_epoch=True), (5, 6), IDE),
}


def recipe(switches: DDAGSwitches, dataset: str, profile: Profile) -> Recipe:
    """Sec. 4.1 for ``paper``; less of the same for ``budget`` and ``demo``. The same on every dataset."""
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
        schedule=Schedule(
            milestones=RELEASED_MILESTONES if released else effort.milestones, gamma=0.1, warmup=effort.warmup
        ),
        augmentation=Augmentation(flip=0.5, padding=effort.padding),
        initialisation=effort.initialisation,
        flip_test=False,
    )


def embedding(switches: DDAGSwitches) -> str:
    """The feature that is ranked: both are in every embedding of a network with part attention."""
    return switches.test_feature


def priors(switches: DDAGSwitches) -> PriorNeeds:
    """Each image goes through the stem of its modality, at test, too."""
    return PriorNeeds(training=("infrared",), inference=("infrared",))


METHOD = Method(
    id="ddag",
    paper=Paper(
        title="Dynamic Dual-Attentive Aggregation Learning for Visible-Infrared Person Re-Identification",
        venue="ECCV",
        year=2020,
    ),
    switches=DDAGSwitches,
    build=build,
    recipe=recipe,
    embedding=embedding,
    test_switches=frozenset({"test_feature"}),
    priors=priors,
)
