"""Catalogue of the trunks that a recipe can name. Needs no torch, so planning can import it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.errors import BadInput, unknown_name_error


@dataclass(frozen=True)
class TrunkSpec:
    """A ResNet (He et al., CVPR 2016); with ``ibn`` its IBN-a form (Pan et al., ECCV 2018).

    ``depths``: number of blocks in each of the four stages. ``width``: channels of the first stage before expansion.
    ``input_size``: height and width of the images in recipes, and the default size for layers that depend on it
    (spatial attention).
    """

    block: Literal["basic", "bottleneck"]
    depths: tuple[int, int, int, int]
    width: int
    input_size: tuple[int, int]
    ibn: bool = False

    @property
    def stage_channels(self) -> tuple[int, ...]:
        """Output channels of the stem and the four residual stages."""
        expansion = 4 if self.block == "bottleneck" else 1
        return (self.width, *(self.width * 2**stage * expansion for stage in range(4)))


TRUNKS: dict[str, TrunkSpec] = {
    "resnet50": TrunkSpec("bottleneck", (3, 4, 6, 3), 64, (384, 128)),
    "resnet101_ibn_a": TrunkSpec("bottleneck", (3, 4, 23, 3), 64, (384, 192), ibn=True),
    "resnet18": TrunkSpec("basic", (2, 2, 2, 2), 64, (192, 64)),
    "resnet18_ibn_a": TrunkSpec("basic", (2, 2, 2, 2), 64, (192, 96), ibn=True),
    # Half the width and depth of ResNet-18.
    "resnet10": TrunkSpec("basic", (1, 1, 1, 1), 32, (192, 64)),
    "resnet10_ibn_a": TrunkSpec("basic", (1, 1, 1, 1), 32, (192, 96), ibn=True),
    # Half of that width: two CPU cores train it to convergence on a thousand images in a minute.
    "resnet10_slim": TrunkSpec("basic", (1, 1, 1, 1), 16, (192, 64)),
    "resnet10_slim_ibn_a": TrunkSpec("basic", (1, 1, 1, 1), 16, (192, 96), ibn=True),
}


Library = Literal["torchvision", "timm"]
LIBRARIES: tuple[Library, ...] = ("torchvision", "timm")


@dataclass(frozen=True)
class NetworkSpec:
    """A network of a library, cut into stages where its maps get smaller (``harness.models.stages``).

    ``input_size``: height and width of the images where a recipe takes this trunk instead of its own, at any profile
    but ``paper``; None leaves the recipe's size.
    """

    library: Library
    network: str
    input_size: tuple[int, int] | None = None


NETWORKS: dict[str, NetworkSpec] = {
    # Two CPU cores train it at 150 images/s at this size, and at 43 at 256x128.
    "mobilenet_v2": NetworkSpec("torchvision", "mobilenet_v2", (128, 64)),
}
"""Networks with a name of their own. Any other is named ``torchvision:NAME`` or ``timm:NAME``."""


@dataclass(frozen=True)
class TrunkNeeds:
    """The stages that a method must find in its trunk; none for a method that reads the last map only.

    Stage 0 is the stem, 1..4 are the stages whose maps have 1/4, 1/8, 1/16 and 1/32 of the image's height. ``blocks``:
    the method cuts between the blocks of a stage, which only the ResNets of this catalogue let it do.
    """

    stages: tuple[int, ...] = ()
    blocks: bool = False


def network_spec(name: str) -> NetworkSpec | None:
    """The network of a library with that name; None for any other name.

    Whether a library has a network is only known when it is built.
    """
    if name in NETWORKS:
        return NETWORKS[name]
    for library in LIBRARIES:
        network = name.removeprefix(f"{library}:")
        if network and network != name:
            return NetworkSpec(library, network)
    return None


def trunk_spec(name: str) -> TrunkSpec | NetworkSpec:
    """The trunk called ``name``. Raises BadInput, offering the nearest names, if there is none."""
    spec = TRUNKS.get(name) or network_spec(name)
    if spec is None:
        raise unknown_name_error("backbone", name, [*TRUNKS, *NETWORKS, *(f"{library}:NAME" for library in LIBRARIES)])
    return spec


def resnet_spec(name: str) -> TrunkSpec:
    """The ResNet called ``name``. Raises BadInput for an unknown name and for a network that is no ResNet of ours."""
    spec = trunk_spec(name)
    if isinstance(spec, NetworkSpec):
        raise BadInput(
            f"backbone {name!r} is cut between its stages only, and this method cuts between the blocks of a stage; "
            f"use one of {', '.join(TRUNKS)}"
        )
    return spec
