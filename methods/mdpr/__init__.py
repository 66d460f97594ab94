"""MDPR: Mutual Distillation Learning For Person Re-Identification (arXiv 2401.06430)."""

from __future__ import annotations

from harness.method import Method
from harness.models.catalogue import TrunkNeeds
from methods.mdpr.recipe import recipe
from methods.mdpr.switches import MDPRSwitches


def embedding(switches: MDPRSwitches) -> str:
    """The features that are ranked, side by side (Sec. III-E)."""
    return "+".join(switches.features)


def trunk_needs(switches: MDPRSwitches) -> TrunkNeeds:
    """C4 and C5, and the stages before them, which both branches share."""
    return TrunkNeeds(stages=(2, 3, 4))


METHOD = Method(
    id="mdpr",
    switches=MDPRSwitches,
    model="methods.mdpr.model:MDPR",
    recipe=recipe,
    trunk=trunk_needs,
    embedding=embedding,
    test_switches=frozenset({"features"}),
    attention=(
        "A4 and A5 of the soft branch: each map squared, and their overlay, the squared mean. Each runs from its "
        "least value (dark) to its greatest (bright) (Fig. 9; Fig. 10 shows rows with and without guidance)."
    ),
)

build = METHOD.build
