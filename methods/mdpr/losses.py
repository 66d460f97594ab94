"""The losses of MDPR (Eq. 5-8), as printed and, where the authors' code differs, as released."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from harness.losses import batch_hard_triplet, identity_loss, pairwise_cosine_distance, pairwise_euclidean_distance

GAMMA, CIRCLE_MARGIN = 64.0, 0.35
"""Scale and relaxation margin of the circle loss (Sec. III-D)."""
TRIPLET_MARGIN = 0.05
"""rho of Eq. 6."""
SMOOTHING = 0.1
"""The weight that the authors' code takes from the true identity and divides among the others."""


def circle_loss(features: Tensor, labels: Tensor) -> Tensor:
    """Eq. 5 for each anchor and all other images of the batch: features (B, D), labels (B,).

    The mean over anchors. An anchor without a positive or without a negative counts 0. The weights alpha take no
    gradient (Sun et al., CVPR 2020, Sec. 3.2).
    """
    similarity = 1 - pairwise_cosine_distance(features)
    same = labels[:, None] == labels[None, :]
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    positive = _positive_logits(similarity).masked_fill(~same | itself, float("-inf")).logsumexp(1)
    negative = _negative_logits(similarity).masked_fill(same, float("-inf")).logsumexp(1)
    # softplus(a + b) is log[1 + exp(a) exp(b)].
    whole = positive.isfinite() & negative.isfinite()
    return F.softplus(torch.where(whole, positive + negative, float("-inf"))).mean()


def circle_classification_loss(features: Tensor, proxies: Tensor, labels: Tensor) -> Tensor:
    """The circle loss of the authors' code: one proxy per identity, and label smoothing.

    Cross-entropy of ``features`` (B, D) and ``proxies`` (C, D). The true proxy weighs 0.9, the others share 0.1.
    """
    similarity = F.linear(F.normalize(features.float()), F.normalize(proxies.float()))
    target = labels[:, None] == torch.arange(len(proxies), device=labels.device)
    logits = torch.where(target, -_positive_logits(similarity), _negative_logits(similarity))
    return identity_loss([logits], labels, _smoothing(len(proxies)))


def _positive_logits(similarity: Tensor) -> Tensor:
    """-gamma alpha_p (s - Delta_p)."""
    alpha = (1 + CIRCLE_MARGIN - similarity.detach()).clamp(min=0)
    return -GAMMA * alpha * (similarity - (1 - CIRCLE_MARGIN))


def _negative_logits(similarity: Tensor) -> Tensor:
    """gamma alpha_n (s - Delta_n)."""
    alpha = (similarity.detach() + CIRCLE_MARGIN).clamp(min=0)
    return GAMMA * alpha * (similarity - CIRCLE_MARGIN)


def _smoothing(identities: int) -> float:
    """Smoothing in Szegedy's form, which gives a share back to the true identity, such that 0.9 is left to it."""
    return SMOOTHING * identities / max(identities - 1, 1)


def triplet_loss(features: Tensor, labels: Tensor) -> Tensor:
    """Eq. 6 with corrected signs: batch-hard over Euclidean distances of (B, D) features, averaged over anchors."""
    return batch_hard_triplet(pairwise_euclidean_distance(features), labels, TRIPLET_MARGIN)


def attention_diversity(attended: Tensor, beta: float) -> Tensor:
    """Eq. 7 of the maps' vectors (B, K, M): cosines over ordered pairs of maps, and beta times the L1 norms."""
    return (_cosines(attended) + beta * attended.abs().sum((1, 2))).mean()


def attention_diversity_released(attended: Tensor, maps: Tensor, beta: float) -> Tensor:
    """The authors' form of Eq. 7: each pair once, and beta times the sum of the maps (B, K, h, w) themselves."""
    return (_cosines(attended) / 2 + beta * maps.sum((1, 2, 3))).mean()


def _cosines(attended: Tensor) -> Tensor:
    """Sum over ordered pairs i != j of cos(f_i, f_j): (B, K, M) to (B,)."""
    directions = F.normalize(attended, dim=2)
    # The squared length of the sum covers all pairs, i = j included.
    return directions.sum(1).square().sum(1) - directions.square().sum((1, 2))


def mutual_distillation(from_hard: Tensor, from_soft: Tensor, hard: Tensor, soft: Tensor) -> Tensor:
    """Eq. 8: each prediction is drawn to the other branch's feature. That feature gets no gradient.

    Args:
        from_hard: What the hard branch predicts of the soft branch's feature (B, M).
        from_soft: What the soft branch predicts of the hard branch's feature (B, M).
        hard: Feature of the hard branch (B, M).
        soft: Feature of the soft branch (B, M).
    """
    towards_soft = F.cosine_similarity(from_hard, soft.detach(), dim=1)
    towards_hard = F.cosine_similarity(from_soft, hard.detach(), dim=1)
    return -(towards_soft + towards_hard).mean() / 2
