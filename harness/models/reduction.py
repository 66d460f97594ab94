"""The reduction of a pooled part feature: 1x1 convolution, BN and ReLU."""

from __future__ import annotations

from torch import nn


class Reduction(nn.Sequential):
    """(B, inputs) to (B, outputs): a 1x1 convolution (after pooling, a linear layer), BN and ReLU."""

    def __init__(self, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__(nn.Linear(inputs, outputs, bias), nn.BatchNorm1d(outputs), nn.ReLU(inplace=True))
