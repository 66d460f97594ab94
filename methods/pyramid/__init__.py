"""Pyramid: Pyramidal Person Re-IDentification via Multi-Loss Dynamic Training (CVPR 2019)."""

from __future__ import annotations

from harness.method import Method
from methods.pyramid.recipe import recipe
from methods.pyramid.switches import PyramidSwitches


def embedding(switches: PyramidSwitches) -> str:
    """The 21 branches side by side."""
    return "feature"


METHOD = Method(
    id="pyramid",
    switches=PyramidSwitches,
    model="methods.pyramid.model:Pyramid",
    recipe=recipe,
    embedding=embedding,
)

build = METHOD.build
