"""Distances between feature vectors, for losses."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def cosine_distance(first: Tensor, second: Tensor) -> Tensor:
    """D(a, b) = 1 - cos(a, b) of vectors along the last axis: (..., D) and (..., D) to (...), in 0..2."""
    return 1 - F.cosine_similarity(first.float(), second.float(), dim=-1)


def pairwise_cosine_distance(features: Tensor) -> Tensor:
    """Cosine distance between all pairs of rows: (B, D) to (B, B), float32."""
    # Distances differ by less than bfloat16 resolves, so this product needs float32.
    with torch.autocast(features.device.type, enabled=False):
        directions = F.normalize(features.float(), dim=1)
        return 1 - directions @ directions.T


def pairwise_euclidean_distance(features: Tensor) -> Tensor:
    """Euclidean distance between all pairs of rows: (B, D) to (B, B), float32."""
    with torch.autocast(features.device.type, enabled=False):
        features = features.float()
        lengths = features.square().sum(1)
        squares = lengths[:, None] + lengths[None, :] - 2 * features @ features.T
        # The root has no gradient at 0, the distance of an image to itself.
        return squares.clamp(min=1e-12).sqrt()
