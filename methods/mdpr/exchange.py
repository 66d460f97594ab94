"""Exchange between the branches: the predictors of distillation, and fusion (Sec. III-C)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from harness.models.bnneck import BNNeck
from harness.models.pooling import GeM


class Predictor(nn.Sequential):
    """MLP that predicts one branch's feature from the other's: linear, BN, ReLU, linear; (B, M) to (B, M)."""

    def __init__(self, width: int) -> None:
        super().__init__(
            nn.Linear(width, width, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(inplace=True),
            nn.Linear(width, width),
        )


class FusionBlock(nn.Sequential):
    """1x1 convolution, 3x3 convolution, BN, ReLU in sequence; (B, C, h, w) to the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )


class Fusion(nn.Module):
    """The fusion module (Fig. 6): fuses within each branch, then across. It reads the embedding blocks' maps."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.parts = FusionBlock(width)
        self.hard = FusionBlock(2 * width)
        self.soft = FusionBlock(2 * width)
        self.across = FusionBlock(4 * width)
        self.pool = GeM()
        self.neck = BNNeck(4 * width)

    def forward(self, embedded: Mapping[str, Tensor]) -> Tensor:
        """f_fusion (B, 4 M) from the maps (B, M, h, w) of both branches. The parts are stacked into one map again."""
        parts = self.parts(torch.cat((embedded["hard_p1"], embedded["hard_p2"]), 2))
        hard = self.hard(torch.cat((parts, embedded["hard_g5"]), 1))
        soft = self.soft(torch.cat((embedded["soft_g5"], embedded["soft_g4"]), 1))
        return self.neck(self.pool(self.across(torch.cat((hard, soft), 1))))
