"""The triplet loss with batch-hard mining (Hermans et al., arXiv 1703.07737, Eq. 5)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional as F

Margin = float | Literal["soft"]


def batch_hard_triplet(
    distances: Tensor, labels: Tensor, margin: Margin, mean_over: Literal["anchors", "violating"] = "anchors"
) -> Tensor:
    """Mean hinge of (farthest positive - nearest negative + margin) over anchors.

    ``distances`` (B, B) between the batch's images, ``labels`` (B,) identities. An anchor counts as its own positive,
    and one without any negative in the batch forms no triplet. ``margin="soft"`` replaces the hinge by
    ln(1 + exp(farthest positive - nearest negative)) (Hermans et al., Sec. 2). ``mean_over="violating"`` leaves the
    anchors out that keep the margin (MPN, Eq. 3). Zero, with a zero gradient, where no anchor is left.
    """
    same = labels[:, None] == labels[None, :]
    farthest_positive = distances.masked_fill(~same, float("-inf")).amax(1)
    nearest_negative = distances.masked_fill(same, float("inf")).amin(1)
    gap = farthest_positive - nearest_negative
    loss = F.softplus(gap) if margin == "soft" else (gap + margin).clamp(min=0)
    counted = (loss > 0) if mean_over == "violating" else nearest_negative.isfinite()
    return loss.sum() / counted.sum().clamp(min=1)
