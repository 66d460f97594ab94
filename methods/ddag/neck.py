"""The BN neck of DDAG: BNNeck, whose scales start in the authors' code at N(1, 0.01)."""

from __future__ import annotations

from torch import nn

from harness.models.bnneck import BNNeck


class Neck(BNNeck):
    """(B, D) to (B, D)."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        nn.init.normal_(self.weight, mean=1.0, std=0.01)
