"""RMGL: Receptive Multi-Granularity Representation for Person Re-Identification (IEEE TIP 2020)."""

from __future__ import annotations

from harness.method import Method
from harness.models.catalogue import TrunkNeeds
from methods.rmgl.recipe import recipe
from methods.rmgl.switches import RMGLSwitches


def embedding(switches: RMGLSwitches) -> str:
    """All features side by side (Eq. 1), of even or of balanced stripes. One run gives both."""
    return "feature_abp" if switches.activation_balanced_pooling else "feature"


def trunk_needs(switches: RMGLSwitches) -> TrunkNeeds:
    """Every stage: branches part after stage 1, and the receptive partition may lie before any of them."""
    return TrunkNeeds(stages=(0, 1, 2, 3, 4))


METHOD = Method(
    id="rmgl",
    switches=RMGLSwitches,
    model="methods.rmgl.model:RMGL",
    recipe=recipe,
    trunk=trunk_needs,
    embedding=embedding,
    # abp_phase says whether training balances, too; activation_balanced_pooling is read at test only.
    test_switches=frozenset({"activation_balanced_pooling", "reranking"}),
    reranked=lambda switches: switches.reranking,
    attention=(
        "Responses on the final maps (Fig. 4): the mean over channels, each map by its own maximum. O-2 is the "
        "original path of the branch of two stripes, RP-2 its receptive partitioned one."
    ),
)

build = METHOD.build
