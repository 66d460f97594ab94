"""The switches of IDE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.switches import check_values

SpatialAttention = Literal["none", "rga_s"]


@dataclass(frozen=True)
class IDESwitches:
    """The form of the trunk."""

    spatial_attention: SpatialAttention = "none"
    """RGA-S in the trunk. MPN* starts from an IDE that was trained with it."""

    def __post_init__(self) -> None:
        check_values(self)
