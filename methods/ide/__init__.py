"""IDE: identity classification on a ResNet, the model that MPN's trunk starts from."""

from __future__ import annotations

from harness.method import Method
from harness.models.catalogue import TrunkNeeds
from methods.ide.recipe import recipe
from methods.ide.switches import IDESwitches


def embedding(switches: IDESwitches) -> str:
    """The only test feature."""
    return "feature"


def trunk_needs(switches: IDESwitches) -> TrunkNeeds:
    """Spatial attention follows each stage."""
    return TrunkNeeds(stages=(1, 2, 3, 4) if switches.spatial_attention != "none" else ())


METHOD = Method(
    id="ide",
    switches=IDESwitches,
    model="methods.ide.model:IDE",
    recipe=recipe,
    trunk=trunk_needs,
    embedding=embedding,
)

build = METHOD.build
