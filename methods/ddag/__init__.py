"""DDAG: Dynamic Dual-Attentive Aggregation Learning for Visible-Infrared Person Re-Identification (ECCV 2020)."""

from __future__ import annotations

from harness.method import Method, PriorNeeds
from harness.models.catalogue import TrunkNeeds
from methods.ddag.recipe import recipe
from methods.ddag.switches import DDAGSwitches


def embedding(switches: DDAGSwitches) -> str:
    """The feature that is ranked. A network with part attention gives both."""
    return switches.test_feature


def prior_needs(switches: DDAGSwitches) -> PriorNeeds:
    """Whether an image is infrared: each goes through the stem of its modality, also at test."""
    return PriorNeeds(training=("infrared",), inference=("infrared",))


def trunk_needs(switches: DDAGSwitches) -> TrunkNeeds:
    """A stem of its own for each modality."""
    return TrunkNeeds(stages=(0, 4))


METHOD = Method(
    id="ddag",
    switches=DDAGSwitches,
    model="methods.ddag.model:DDAG",
    recipe=recipe,
    trunk=trunk_needs,
    embedding=embedding,
    test_switches=frozenset({"test_feature"}),
    priors=prior_needs,
)

build = METHOD.build
