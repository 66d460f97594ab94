"""MPN: Multi-task Learning with Coarse Priors for Robust Part-aware Person Re-identification (IEEE TPAMI 2020)."""

from __future__ import annotations

from harness.method import Method, PriorNeeds
from harness.models.catalogue import TrunkNeeds
from methods.mpn.recipe import recipe
from methods.mpn.switches import MPNSwitches


def embedding(switches: MPNSwitches) -> str:
    """The feature that is ranked: h of the MTs (Sec. 4), or g in variants that have only ATs (Sec. 5.2.1)."""
    return "h" if switches.has_main else "g"


def prior_needs(switches: MPNSwitches) -> PriorNeeds:
    """Parsing and segmentation, for the priors that find the body's boundaries."""

    def kinds(prior: str) -> tuple[str, ...]:
        return ("parsing", "segmentation") if prior in ("roi_resize", "mask_roi") else ()

    return PriorNeeds(training=kinds(switches.prior), inference=kinds(switches.test_prior))


def trunk_needs(switches: MPNSwitches) -> TrunkNeeds:
    """Spatial attention follows each stage."""
    return TrunkNeeds(stages=(1, 2, 3, 4) if switches.spatial_attention != "none" else ())


METHOD = Method(
    id="mpn",
    switches=MPNSwitches,
    model="methods.mpn.model:MPN",
    recipe=recipe,
    trunk=trunk_needs,
    embedding=embedding,
    priors=prior_needs,
    attention="Grad-CAM of each part's classifier: the brighter a place, the more it counts for that part.",
)

build = METHOD.build
