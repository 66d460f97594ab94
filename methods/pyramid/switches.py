"""The switches of Pyramid."""

from __future__ import annotations

from dataclasses import dataclass

from harness.switches import check_values


@dataclass(frozen=True)
class PyramidSwitches:
    """The defaults are the full method."""

    dynamic: bool = True
    """The losses are weighted anew at each step (Sec. 3.3). Otherwise they are summed."""

    def __post_init__(self) -> None:
        check_values(self)
