"""Catalogue of the trunks that a recipe can name. Needs no torch, so planning can import it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.errors import unknown_name_error


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
    # Half the depth and a quarter of the width of ResNet-18: two CPU cores train it on a thousand images in seconds.
    "resnet10": TrunkSpec("basic", (1, 1, 1, 1), 16, (192, 64)),
    "resnet10_ibn_a": TrunkSpec("basic", (1, 1, 1, 1), 16, (192, 96), ibn=True),
}


def trunk_spec(name: str) -> TrunkSpec:
    """The trunk called ``name``. Raises BadInput, offering the nearest names, if there is none."""
    if name not in TRUNKS:
        raise unknown_name_error("backbone", name, TRUNKS)
    return TRUNKS[name]
