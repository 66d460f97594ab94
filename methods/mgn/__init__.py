"""MGN: Learning Discriminative Features with Multiple Granularities for Person Re-Identification (ACM MM 2018)."""

from __future__ import annotations

from harness.method import Method
from methods.mgn.recipe import recipe
from methods.mgn.switches import MGNSwitches


def embedding(switches: MGNSwitches) -> str:
    """The eight reduced features side by side (Sec. 3.2)."""
    return "feature"


METHOD = Method(
    id="mgn",
    switches=MGNSwitches,
    model="methods.mgn.model:MGN",
    recipe=recipe,
    embedding=embedding,
)

build = METHOD.build
