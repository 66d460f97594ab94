"""The trunks a recipe can name. Importing this needs no torch, so planning can read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.errors import unknown


@dataclass(frozen=True)
class TrunkSpec:
    """A ResNet (He et al., CVPR 2016).

    ``depths`` are the blocks of its four stages, ``width`` the channels of the first stage before expansion.
    ``input_size`` is the image height and width that recipes train it at, and thus the size that position-dependent
    blocks (spatial attention) are built for unless told otherwise.
    """

    block: Literal["basic", "bottleneck"]
    depths: tuple[int, int, int, int]
    width: int
    input_size: tuple[int, int]


TRUNKS: dict[str, TrunkSpec] = {
    "resnet50": TrunkSpec("bottleneck", (3, 4, 6, 3), 64, (384, 128)),
    "resnet18": TrunkSpec("basic", (2, 2, 2, 2), 64, (192, 64)),
    # Half as wide and as deep as ResNet-18: two CPU cores train it on a thousand images in seconds.
    "resnet10": TrunkSpec("basic", (1, 1, 1, 1), 32, (192, 64)),
}


def trunk_spec(name: str) -> TrunkSpec:
    """The trunk called ``name``. Raises BadInput, offering the nearest names, when there is none."""
    if name not in TRUNKS:
        raise unknown("backbone", name, TRUNKS)
    return TRUNKS[name]
