"""The switches of BoT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.switches import check_values


@dataclass(frozen=True)
class BoTSwitches:
    """The six tricks (Sec. 3). All of them make the full method, none of them the standard baseline (Sec. 2)."""

    warmup: bool = True
    erasing: bool = True
    smoothing: bool = True
    last_stride: Literal[1, 2] = 1
    bnneck: bool = True
    centre: bool = True
    variant: Literal["paper", "released"] = "paper"
    """``released``: the centre loss as the authors' code computes it."""

    def __post_init__(self) -> None:
        check_values(self)
