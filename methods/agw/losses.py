"""The losses that AGW adds to those of BoT (Sec. 4.2)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from harness.losses import pairwise_euclidean_distance

SMOOTHING = 0.1
"""Label smoothing, as in BoT. The visible-infrared form has none."""
MARGIN = 0.3
"""Margin of BoT's batch-hard triplet loss, which is used if the weighted one is off."""
CENTRE_WEIGHT = 5e-4


REST = 1e-6
"""Added by the released code to the sum that normalises weights."""


def weighted_regularised_triplet(features: Tensor, labels: Tensor, released: bool = False) -> Tensor:
    """L_wrt, Eq. 7 and 8, of (B, D) features with Euclidean distances, averaged over anchors.

    ln(1 + exp(sum_j w^p_j d_j - sum_k w^n_k d_k)) over an anchor's positives j (without the anchor) and negatives k.
    The weights are a softmax: of d over the positives, of -d over the negatives.

    ``released`` is the authors' code: an anchor is a positive of its own, at distance 0, and ``REST`` joins the sum
    that normalises weights. Where all negatives are farther than about -ln REST = 14, their weights then vanish instead
    of adding up to 1.
    """
    distances = pairwise_euclidean_distance(features)
    same = labels[:, None] == labels[None, :]
    if released:
        far, near = _released_weighted(distances, same), -_released_weighted(-distances, ~same)
    else:
        others = same.clone().fill_diagonal_(False)
        far, near = _weighted(distances, distances, others), _weighted(distances, -distances, ~same)
    return F.softplus(far - near).mean()


def _weighted(distances: Tensor, scores: Tensor, chosen: Tensor) -> Tensor:
    """Sum of each row's ``chosen`` distances, weighted by a softmax of their scores; 0 if none is chosen."""
    weights = scores.masked_fill(~chosen, float("-inf")).softmax(1)
    return (distances * weights.nan_to_num()).sum(1)


def _released_weighted(scores: Tensor, chosen: Tensor) -> Tensor:
    """Sum of each row's ``chosen`` scores, weighted by exp(score - m) / (sum + REST).

    m is the greatest of the chosen scores, and of 0 for the others: 0 for negatives, whose scores are -d.
    """
    greatest = (scores * chosen).amax(1, keepdim=True)
    exponentials = (scores - greatest).masked_fill(~chosen, float("-inf")).exp()
    return (scores * exponentials / (exponentials.sum(1, keepdim=True) + REST)).sum(1)
