"""The losses of my_reid."""

from __future__ import annotations

from torch import Tensor

from harness.losses import batch_hard_triplet, pairwise_cosine_distance

MARGIN = 0.2


def triplet_loss(features: Tensor, labels: Tensor) -> Tensor:
    """Batch-hard triplet loss of (B, D) features with cosine distances."""
    return batch_hard_triplet(pairwise_cosine_distance(features), labels, MARGIN)
