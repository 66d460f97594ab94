"""The switches of AGW."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.switches import check_values


@dataclass(frozen=True)
class AGWSwitches:
    """The parts that AGW adds to BoT (Sec. 4.2), in the order of its letters. The defaults are the full method."""

    attention: bool = True
    """Non-local blocks in the second and third residual stages."""
    gem: bool = True
    """Generalised mean pooling instead of the mean."""
    weighted_triplet: bool = True
    """The weighted regularised triplet loss instead of BoT's batch-hard one."""
    visible_infrared: bool = False
    """The form for two modalities. It has a stem per modality, and its own recipe and losses."""
    variant: Literal["paper", "released"] = "paper"
    """``released``: the triplet and the centre loss as the authors' code computes them."""

    def __post_init__(self) -> None:
        check_values(self)
