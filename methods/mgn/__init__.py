"""MGN: Learning Discriminative Features with Multiple Granularities for Person Re-Identification (ACM MM 2018)."""

from __future__ import annotations

from harness.method import Method
from harness.models.catalogue import TrunkNeeds
from methods.mgn.recipe import recipe
from methods.mgn.switches import MGNSwitches


def embedding(switches: MGNSwitches) -> str:
    """The eight reduced features side by side (Sec. 3.2)."""
    return "feature"


def trunk_needs(switches: MGNSwitches) -> TrunkNeeds:
    """Branches part after the first block of stage 3."""
    return TrunkNeeds(blocks=True)


METHOD = Method(
    id="mgn",
    switches=MGNSwitches,
    model="methods.mgn.model:MGN",
    recipe=recipe,
    trunk=trunk_needs,
    embedding=embedding,
)

build = METHOD.build
