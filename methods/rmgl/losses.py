"""The losses of RMGL (Eq. 2-4): each feature is classified by itself, each branch is compared as a whole."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from harness.losses import Margin, batch_hard_triplet, identity_loss, pairwise_euclidean_distance


def classification_loss(logits: Sequence[Tensor], labels: Tensor) -> Tensor:
    """Eq. 2: cross-entropies of all features' logits (B, C), each averaged over the batch, then summed."""
    return identity_loss(logits, labels)


def metric_loss(branches: Sequence[Sequence[Tensor]], labels: Tensor, margin: Margin, normalised: bool) -> Tensor:
    """Eq. 3: batch-hard triplet loss of a branch's features, joined; summed over branches.

    Args:
        branches: For each branch its features (B, 256), of both paths.
        labels: Identities (B,).
        margin: Margin of the triplet loss.
        normalised: Scale the joined features to length 1 first.
    """
    terms = []
    for features in branches:
        together = torch.cat(list(features), 1)
        together = F.normalize(together, dim=1) if normalised else together
        terms.append(batch_hard_triplet(pairwise_euclidean_distance(together), labels, margin))
    return torch.stack(terms).sum()
