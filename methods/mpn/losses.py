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
    # The row of an identity's first image holds its mean, other rows hold 0: no shape depends on the labels.
    same = labels[:, None] == labels[None, :]
    first, counts = same.int().argmax(1), same.sum(1, keepdim=True)
    is_first = first == torch.arange(len(labels), device=labels.device)

    def means(features: Tensor) -> Tensor:
        sums = torch.zeros_like(features, dtype=torch.float32)
        return sums.index_add(0, first, features.float()) / counts

    distances = cosine_distance(means(h), means(g))
    return torch.where(is_first, distances, 0).sum() / is_first.sum()


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
