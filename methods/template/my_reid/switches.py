"""The switches of my_reid."""

from __future__ import annotations

from dataclasses import dataclass

from harness.switches import check_values


@dataclass(frozen=True)
class MySwitches:
    """The switches of the ablations. The defaults are the full method."""

    triplet: bool = True
    """The triplet loss beside the identity loss."""

    def __post_init__(self) -> None:
        check_values(self)
