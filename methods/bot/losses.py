"""The losses of BoT: label smoothing (Sec. 3.3), the triplet loss (Sec. 2), the weight of centre loss (Sec. 3.6)."""

from __future__ import annotations

from torch import Tensor

from harness.losses import batch_hard_triplet, pairwise_euclidean_distance

SMOOTHING = 0.1
"""Epsilon of Eq. 3."""
MARGIN = 0.3
CENTRE_WEIGHT = 5e-4
"""Beta of Eq. 8."""


def triplet_loss(features: Tensor, labels: Tensor) -> Tensor:
    """Batch-hard triplet loss of (B, D) features with Euclidean distances."""
    return batch_hard_triplet(pairwise_euclidean_distance(features), labels, MARGIN)
