"""Generalised mean pooling (Radenovic et al., TPAMI 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEAST = 1e-6
"""Features are clamped to it before the power: the ReLU in front leaves zeros, whose root has no gradient."""


class GeM(nn.Module):
    """The mean of powers, and its root; the trainable exponent starts at 3 (1 is the mean, infinity the maximum)."""

    def __init__(self, exponent: float = 3.0) -> None:
        super().__init__()
        self.exponent = nn.Parameter(torch.tensor([exponent]))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w), 0 or more, to (B, C), float32: powers of small numbers are lost in bfloat16."""
        powers = features.float().clamp(min=LEAST).pow(self.exponent)
        return powers.mean((2, 3)).pow(1 / self.exponent)
