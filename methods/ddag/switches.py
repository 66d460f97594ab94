"""The switches of DDAG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.switches import check_values

IMAGES_PER_MODALITY = 4
"""Visible images of an identity in a batch, and as many infrared ones (Sec. 4.1)."""

IMAGES_PER_IDENTITY = 2 * IMAGES_PER_MODALITY
"""The most neighbours that a node of the graph can have, itself included."""


@dataclass(frozen=True)
class DDAGSwitches:
    """The switches of the paper's ablations. The defaults are the full method, "B+P+G" of Table 1.

    The switches of an attention that is off have no effect. They are set to ``none`` or 0, and without part attention
    the test feature is set to ``f``: rows that train the same network then have equal switches.
    """

    part_attention: bool = True
    """P: intra-modality weighted-part aggregation, IWPA (Sec. 3.2)."""
    part_aggregation: Literal["none", "avg", "concat", "weight"] = "weight"
    """How the part features are merged into one (Table 2)."""
    part_residual: Literal["none", "res", "rbn"] = "rbn"
    """Added to the merged parts: nothing, the pooled feature, or the pooled feature after BN (Table 2)."""
    parts: int = 3
    """p of Eq. 5."""
    graph: bool = True
    """G: cross-modality graph structured attention, CGSA (Sec. 3.3)."""
    dual_aggregation: Literal["none", "dynamic"] = "dynamic"
    """Weight of the graph loss: 1 throughout, or as in Eq. 11 (Sec. 3.4)."""
    heads: int = 4
    """L of Eq. 8."""
    graph_neighbours: int = 8
    """N_g of Table 3: a node attends to this many images of its identity, itself included."""
    variant: Literal["paper", "released"] = "paper"
    """Which of the two is followed where the authors' code differs from the paper (README.md lists each point)."""
    test_feature: Literal["x_star", "f"] = "x_star"
    """The feature that is ranked: x* (Sec. 3.2), or f of the BN neck. Without part attention there is only f."""

    def __post_init__(self) -> None:
        check_values(self)
        if self.part_attention:
            if self.part_aggregation == "none" or self.parts < 1:
                raise ValueError("part_attention needs a part_aggregation other than none and 1 part or more")
        else:
            self._reset(part_aggregation="none", part_residual="none", parts=0, test_feature="f")
        if self.graph:
            if self.heads < 1 or not 1 <= self.graph_neighbours <= IMAGES_PER_IDENTITY:
                raise ValueError(f"graph needs 1 head or more and 1 to {IMAGES_PER_IDENTITY} graph_neighbours")
        else:
            self._reset(dual_aggregation="none", heads=0, graph_neighbours=0)

    def _reset(self, **unused: str | int) -> None:
        for name, value in unused.items():
            object.__setattr__(self, name, value)
