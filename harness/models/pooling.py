"""Generalised mean pooling (Radenovic et al., TPAMI 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

MIN_FEATURE = 1e-6
"""Features are clamped to this minimum before the power: the ReLU before leaves zeros, whose root has no gradient."""


class GeM(nn.Module):
    """The root of the mean of powers. The trainable exponent starts at 3 (1 gives the mean, infinity the maximum)."""

    def __init__(self, exponent: float = 3.0) -> None:
        super().__init__()
        self.exponent = nn.Parameter(torch.tensor([exponent]))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w), 0 or more, to (B, C), in float32: bfloat16 loses powers of small numbers."""
        powers = features.float().clamp(min=MIN_FEATURE).pow(self.exponent)
        return powers.mean((2, 3)).pow(1 / self.exponent)
