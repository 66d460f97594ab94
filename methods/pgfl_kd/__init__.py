"""PGFL-KD: Pose-Guided Feature Learning with Knowledge Distillation for Occluded Person Re-ID (ACM MM 2021)."""

from __future__ import annotations

from harness.method import Method, PriorNeeds
from methods.pgfl_kd.recipe import recipe
from methods.pgfl_kd.switches import PGFLKDSwitches


def embedding(switches: PGFLKDSwitches) -> str:
    """The feature that is ranked: f_G (Sec. 3.5), or another one (Table 8)."""
    return switches.feature


def prior_needs(switches: PGFLKDSwitches) -> PriorNeeds:
    """Keypoints: in training if there is a pose-guided branch, at test if its feature is ranked (Table 8)."""
    return PriorNeeds(
        training=("keypoints",) if switches.sab or switches.feb else (),
        inference=() if switches.feature == "f_G" else ("keypoints",),
    )


METHOD = Method(
    id="pgfl_kd",
    switches=PGFLKDSwitches,
    model="methods.pgfl_kd.model:PGFLKD",
    recipe=recipe,
    embedding=embedding,
    test_switches=frozenset({"feature"}),
    priors=prior_needs,
    attention=(
        "Responses: the feature map F, averaged over channels (Fig. 1 and 4); foreground: the weights of the FEB "
        "(Eq. 2), in rows that read poses at test. Each from its least to its greatest value."
    ),
)

build = METHOD.build
