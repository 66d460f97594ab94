"""BoT: Bag of Tricks and a Strong Baseline for Deep Person Re-Identification (CVPRW 2019)."""

from __future__ import annotations

from harness.method import Method
from methods.bot.recipe import recipe
from methods.bot.switches import BoTSwitches


def embedding(switches: BoTSwitches) -> str:
    """f_i, the feature after the neck (Sec. 3.5). Without a neck it equals f_t."""
    return "f_i"


METHOD = Method(
    id="bot",
    switches=BoTSwitches,
    model="methods.bot.model:BoT",
    recipe=recipe,
    embedding=embedding,
)

build = METHOD.build
