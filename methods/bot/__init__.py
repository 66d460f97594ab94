"""BoT: Bag of Tricks and a Strong Baseline for Deep Person Re-Identification (CVPRW 2019)."""

from __future__ import annotations

from harness.method import Method
from harness.models.catalogue import TrunkNeeds
from methods.bot.recipe import recipe
from methods.bot.switches import BoTSwitches


def embedding(switches: BoTSwitches) -> str:
    """f_i, the feature after the neck (Sec. 3.5). Without a neck it equals f_t."""
    return "f_i"


def trunk_needs(switches: BoTSwitches) -> TrunkNeeds:
    """The last stage, where it keeps the stride of 2."""
    return TrunkNeeds(stages=(4,) if switches.last_stride == 2 else ())


METHOD = Method(
    id="bot",
    switches=BoTSwitches,
    model="methods.bot.model:BoT",
    recipe=recipe,
    trunk=trunk_needs,
    embedding=embedding,
)

build = METHOD.build
