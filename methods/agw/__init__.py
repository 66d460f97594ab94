"""AGW: Deep Learning for Person Re-identification, A Survey and Outlook (IEEE TPAMI 2021)."""

from __future__ import annotations

from harness.method import Method, PriorNeeds
from harness.models.catalogue import TrunkNeeds
from methods.agw.recipe import recipe
from methods.agw.switches import AGWSwitches


def embedding(switches: AGWSwitches) -> str:
    """The feature after the BN neck."""
    return "feature"


def prior_needs(switches: AGWSwitches) -> PriorNeeds:
    """Whether an image is infrared, where there are two stems. They are used at test as well."""
    needed = ("infrared",) if switches.visible_infrared else ()
    return PriorNeeds(training=needed, inference=needed)


def trunk_needs(switches: AGWSwitches) -> TrunkNeeds:
    """Attention follows single blocks of a stage."""
    return TrunkNeeds(blocks=True)


METHOD = Method(
    id="agw",
    switches=AGWSwitches,
    model="methods.agw.model:AGW",
    recipe=recipe,
    trunk=trunk_needs,
    embedding=embedding,
    priors=prior_needs,
)

build = METHOD.build
