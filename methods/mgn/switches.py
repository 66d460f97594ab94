"""The switches of MGN."""

from __future__ import annotations

from dataclasses import dataclass

from harness.switches import check_values


@dataclass(frozen=True)
class MGNSwitches:
    """The defaults are the full method."""

    triplet: bool = True
    """The triplet loss on global features. Without it only the softmax loss is left (Sec. 4.3)."""

    def __post_init__(self) -> None:
        check_values(self)
