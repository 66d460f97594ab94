"""IDE: identity classification on a ResNet, the model that MPN's trunk starts from."""

from __future__ import annotations

from harness.method import Method
from methods.ide.recipe import recipe
from methods.ide.switches import IDESwitches


def embedding(switches: IDESwitches) -> str:
    """The only test feature."""
    return "feature"


METHOD = Method(
    id="ide",
    switches=IDESwitches,
    model="methods.ide.model:IDE",
    recipe=recipe,
    embedding=embedding,
)

build = METHOD.build
