"""The triplet loss of Eq. 1 and the weight of Eq. 11. ``model.py`` has the cross-entropies of Eq. 1, 9 and 10."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from harness.losses import batch_hard_triplet, pairwise_euclidean_distance

MARGIN = 0.3
"""Margin of the triplet loss in the authors' code. The paper prints none."""

INSTANCE_LOSSES = ("id", "triplet", "part")
"""The terms of L_P, Eq. 10."""


def triplet_loss(pooled: Tensor, labels: Tensor) -> Tensor:
    """L_tri of Eq. 1: batch-hard over Euclidean distances of (B, D) features, both modalities mixed."""
    return batch_hard_triplet(pairwise_euclidean_distance(pooled), labels, MARGIN)


def dynamic_weight(means: Mapping[str, float]) -> float:
    """Eq. 11: 1 / (1 + E(L_P)), from the mean of each named loss over the epoch before."""
    return 1 / (1 + sum(mean for name, mean in means.items() if name in INSTANCE_LOSSES))
