"""The switches of PCB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.switches import check_values


@dataclass(frozen=True)
class PCBSwitches:
    """The defaults are the full method, "PCB+RPP"."""

    pooling: Literal["uniform", "induced", "refined"] = "refined"
    """``uniform`` is "PCB": even stripes. The others are the stages of refined part pooling (Sec. 3.4, Algorithm 1).
    Each starts from the stage before it: ``induced`` trains the part classifier alone, ``refined`` the whole network.
    """
    descriptor: Literal["g", "h"] = "g"
    """The descriptor that is ranked: ``g``, the pooled parts, or ``h``, their reductions to 256 (Sec. 3.2)."""

    def __post_init__(self) -> None:
        check_values(self)
