"""The BN neck of DDAG: a BNNeck whose scales start at N(1, 0.01), as in the authors' code."""

from __future__ import annotations

from torch import nn

from harness.models.bnneck import BNNeck


class Neck(BNNeck):
    """(B, D) to (B, D)."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        nn.init.normal_(self.weight, mean=1.0, std=0.01)
