"""The losses of MGN (Sec. 3.3). Each is averaged over its features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from harness.losses import batch_hard_triplet, identity_loss, pairwise_euclidean_distance

MARGIN = 1.2
"""Alpha of the triplet loss (Sec. 4.1)."""


def softmax_loss(logits: Sequence[Tensor], labels: Tensor) -> Tensor:
    """Cross-entropy, averaged over the classifiers: each logits (B, C), ``labels`` (B,)."""
    return identity_loss(logits, labels) / len(logits)


def triplet_loss(features: Sequence[Tensor], labels: Tensor) -> Tensor:
    """Batch-hard triplet loss with Euclidean distances, averaged over the (B, D) ``features``."""
    distances = [pairwise_euclidean_distance(each) for each in features]
    return torch.stack([batch_hard_triplet(each, labels, MARGIN) for each in distances]).mean()
