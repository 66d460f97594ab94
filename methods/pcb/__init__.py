"""PCB: Beyond Part Models (and a Strong Convolutional Baseline), with refined part pooling (ECCV 2018)."""

from __future__ import annotations

from harness.method import Method
from methods.pcb.recipe import recipe
from methods.pcb.switches import PCBSwitches


def embedding(switches: PCBSwitches) -> str:
    """The descriptor that is ranked."""
    return switches.descriptor


METHOD = Method(
    id="pcb",
    switches=PCBSwitches,
    model="methods.pcb.model:PCB",
    recipe=recipe,
    embedding=embedding,
    test_switches=frozenset({"descriptor"}),
)

build = METHOD.build
