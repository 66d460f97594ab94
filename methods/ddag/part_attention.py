"""Intra-modality weighted-part aggregation, IWPA (Sec. 3.2, Fig. 3), and the other designs of Table 2."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.models.stripes import stripes
from methods.ddag.neck import Neck
from methods.ddag.switches import DDAGSwitches


class PartAttention(nn.Module):
    """From the feature maps of an image to x*. The parts of an image attend to each other."""

    def __init__(self, channels: int, switches: DDAGSwitches) -> None:
        super().__init__()
        self.switches = switches
        # The 1x1 convolutions, which are linear layers after pooling.
        self.u = nn.Linear(channels, channels)
        self.v = nn.Linear(channels, channels)
        self.z = nn.Linear(channels, channels)
        self.width = channels * (switches.parts if switches.part_aggregation == "concat" else 1)
        if switches.part_aggregation == "weight":
            self.part_weights = nn.Parameter(torch.full((switches.parts,), 1 / switches.parts))
        if switches.part_residual == "rbn" and switches.variant == "released":
            self.outer_neck = Neck(self.width)

    def forward(self, features: Tensor, pooled: Tensor, f: Tensor) -> Tensor:
        """x* (B, ``width``) of Eq. 5, from maps (B, C, h, w), their pooled x_o (B, C) and f = BN(x_o) (B, C)."""
        parts = self.part_features(features)
        combined = self._aggregated(self.attention(parts) @ self.z(parts))
        if self.switches.part_residual != "none":
            residual = f if self.switches.part_residual == "rbn" else pooled
            combined = combined + residual[:, None]
        x_star: Tensor = combined.flatten(1)
        if self.switches.part_residual == "rbn" and self.switches.variant == "released":
            x_star = self.outer_neck(x_star)
        return x_star

    def part_features(self, features: Tensor) -> Tensor:
        """x_i^p: the mean of each of p horizontal stripes, (B, C, h, w) to (B, p, C)."""
        rows = stripes(features.shape[2], self.switches.parts)
        return torch.stack([features[:, :, part].mean((2, 3)) for part in rows], dim=1)

    def attention(self, parts: Tensor) -> Tensor:
        """alpha^p (B, p, p), Eq. 2-3: the weight of part j for part i. Each row sums to 1."""
        return (self.u(parts) @ self.v(parts).transpose(1, 2)).softmax(dim=2)

    def weights(self) -> Tensor:
        """w^p (p,) of Eq. 5: a free vector. In the released variant it is positive and sums to 1."""
        return self.part_weights.softmax(0) if self.switches.variant == "released" else self.part_weights

    def _aggregated(self, attended: Tensor) -> Tensor:
        """Attended parts (B, p, C) to (B, 1, C). Parts to be concatenated are returned as they are."""
        if self.switches.part_aggregation == "concat":
            return attended
        if self.switches.part_aggregation == "avg":
            return attended.mean(1, keepdim=True)
        return (self.weights()[:, None] * attended).sum(1, keepdim=True)
