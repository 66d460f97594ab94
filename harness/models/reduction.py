"""The reduction of a pooled part: a 1x1 convolution, BN and ReLU."""

from __future__ import annotations

from torch import nn


class Reduction(nn.Sequential):
    """A 1x1 convolution, which behind pooling is a linear layer, BN and ReLU: (B, inputs) to (B, outputs)."""

    def __init__(self, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__(nn.Linear(inputs, outputs, bias), nn.BatchNorm1d(outputs), nn.ReLU(inplace=True))
