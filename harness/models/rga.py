"""Relation-aware global attention over positions (RGA-S; Zhang et al., CVPR 2020, Sec. 3.2 and 3.4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.errors import BadInput

REDUCTION_RATIO = 8
"""Reduction of channels, positions and gate (s1 and s2 of the paper; all 8 in the authors' experiments)."""


def _projection(inputs: int, outputs: int) -> nn.Sequential:
    """1x1 convolution without bias, BN, ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class SpatialAttention(nn.Module):
    """One gate per position, computed from the relations of the position with all others.

    Each of the N = height x width positions is a node. Its relation vector holds its affinities to all nodes in both
    directions (2N numbers), and the mean of its own embedding. A two-layer network maps this vector to a gate. The
    parameters depend on N, so the layer works at one input size only.
    """

    def __init__(self, channels: int, height: int, width: int) -> None:
        super().__init__()
        self.size = (height, width)
        nodes = height * width
        relations = max(nodes // REDUCTION_RATIO, 1)
        inner = max(channels // REDUCTION_RATIO, 1)
        gate = max((1 + relations) // REDUCTION_RATIO, 1)
        self.theta = _projection(channels, inner)
        self.phi = _projection(channels, inner)
        self.own = _projection(channels, inner)
        self.relation = _projection(2 * nodes, relations)
        self.gate = nn.Sequential(
            *_projection(1 + relations, gate), nn.Conv2d(gate, 1, 1, bias=False), nn.BatchNorm2d(1)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Gated features, (B, C, h, w) to (B, C, h, w). Raises BadInput at any other size."""
        if features.shape[2:] != self.size:
            height, width = features.shape[2:]
            raise BadInput(
                f"spatial attention was built for {self.size[0]}x{self.size[1]} features but got {height}x{width}; "
                "give images of the height and width that the trunk was built for"
            )
        batch, _, height, width = features.shape
        theta = self.theta(features).flatten(2)
        phi = self.phi(features).flatten(2)
        affinity = theta.transpose(1, 2) @ phi  # (B, N, N), r_ij = theta_i . phi_j
        # Channel j at position i: r_ij first, then r_ji.
        outgoing = affinity.transpose(1, 2).reshape(batch, -1, height, width)
        incoming = affinity.reshape(batch, -1, height, width)
        relation = self.relation(torch.cat([outgoing, incoming], 1))
        own = self.own(features).mean(1, keepdim=True)
        return features * torch.sigmoid(self.gate(torch.cat([own, relation], 1)))
