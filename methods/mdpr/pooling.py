"""From a feature map to a vector: embedding block, generalised mean pooling, batch normalisation (Sec. III-A)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEAST = 1e-6
"""Features are clamped to it before the power: the ReLU in front leaves zeros, whose root has no gradient."""


class Embedding(nn.Sequential):
    """The embedding block: 1x1 convolution, BN, ReLU; (B, inputs, h, w) to (B, outputs, h, w)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class GeM(nn.Module):
    """Generalised mean pooling, Eq. 1, with a trainable power that starts at 3."""

    def __init__(self, alpha: float = 3.0) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor([alpha]))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w), 0 or more, to (B, C), float32: powers of small numbers are lost in bfloat16."""
        powers = features.float().clamp(min=LEAST).pow(self.alpha)
        return powers.mean((2, 3)).pow(1 / self.alpha)


class Neck(nn.BatchNorm1d):
    """The last BN before a feature is used, its bias frozen at 0 (Luo et al., TMM 2019)."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.bias.requires_grad_(False)


class Head(nn.Module):
    """One feature with modules of its own: embedding block, GeM, neck."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.embedding = Embedding(inputs, width)
        self.pool = GeM()
        self.neck = Neck(width)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(B, inputs, h, w) to the embedded map (B, M, h, w), which fusion reads, and the feature (B, M)."""
        embedded = self.embedding(features)
        return embedded, self.neck(self.pool(embedded))
