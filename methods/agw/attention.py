"""The non-local block (Wang et al., CVPR 2018) that AGW adds to a ResNet (Sec. 4.2)."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

INNER = 1
"""Channels of the embeddings. It is 1, because the released code divides its reduction ratio by itself."""


class NonLocal(nn.Module):
    """z = W(y) + x, where y sums the embedded features of all N positions, weighted by embedded dot products / N."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.theta, self.phi, self.g = (nn.Conv2d(channels, INNER, 1) for _ in range(3))
        self.w = nn.Sequential(nn.Conv2d(INNER, channels, 1), nn.BatchNorm2d(channels))
        # The block starts as the identity, so it does not disturb a trained ResNet.
        norm = cast(nn.BatchNorm2d, self.w[1])
        nn.init.zeros_(norm.weight)
        nn.init.zeros_(norm.bias)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) to the same shape."""
        batch, _, height, width = features.shape
        theta, phi, g = (layer(features).flatten(2) for layer in (self.theta, self.phi, self.g))
        affinity = theta.transpose(1, 2) @ phi / (height * width)  # (B, N, N)
        gathered = (affinity @ g.transpose(1, 2)).transpose(1, 2)
        context: Tensor = self.w(gathered.reshape(batch, INNER, height, width))
        return context + features
