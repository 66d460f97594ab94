"""The losses of MPN (Eq. 1, 3, 8 and 9), and those of the variants that the paper compares it with."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from harness.losses import batch_hard_triplet, cosine_distance, pairwise_cosine_distance

MARGIN = 0.2
"""Alpha of Eq. 3 (Sec. 5.1)."""

LAMBDA = 1.0
"""Weight of the feature-space constraint, Eq. 10 (Sec. 5.1)."""


def triplet_loss(features: Tensor, labels: Tensor) -> Tensor:
    """L_TRI, Eq. 3: batch-hard over cosine distances of (B, D) features, averaged over violating anchors."""
    return batch_hard_triplet(pairwise_cosine_distance(features), labels, MARGIN, mean_over="violating")


def class_wise(h: Tensor, g: Tensor, labels: Tensor) -> Tensor:
    """L_CF, Eq. 6-8: distance between an identity's mean MT feature and mean AT feature, averaged over identities.

    The means are taken of ``h`` and ``g`` (B, D) as they are, not normalised.
    """
    identities, members = torch.unique(labels, return_inverse=True)
    counts = torch.bincount(members, minlength=len(identities))[:, None]

    def means(features: Tensor) -> Tensor:
        sums = features.new_zeros(len(identities), features.shape[1], dtype=torch.float32)
        return sums.index_add(0, members, features.float()) / counts

    return cosine_distance(means(h), means(g)).mean()


def batch_wise(h: Tensor, g: Tensor, labels: Tensor) -> Tensor:
    """Sec. 5.3.3: distance between the means of the whole batch. ``labels`` are not read."""
    return cosine_distance(h.float().mean(0), g.float().mean(0))


def sample_wise(h: Tensor, g: Tensor, labels: Tensor) -> Tensor:
    """L_SF, Eq. 9: mean distance between the MT and the AT feature of an image. ``labels`` are not read."""
    return cosine_distance(h, g).mean()


FEATURE_SPACE: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "class_mean": class_wise,
    "batch_mean": batch_wise,
    "sample_cosine": sample_wise,
}
"""Constraints with a loss of their own. ``summed_triplet`` changes the triplet loss instead."""


def soft_sharing(pairs: Iterable[tuple[nn.Module, nn.Module]]) -> Tensor:
    """Sec. 5.3.2: squared L2 distance between the weights and biases of paired MT and AT layers, summed."""
    return torch.stack(
        [
            (mine - other).square().sum()
            for main, auxiliary in pairs
            for mine, other in zip(main.parameters(), auxiliary.parameters(), strict=True)
        ]
    ).sum()
