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

    An anchor counts as its own positive. An anchor without a negative in the batch forms no triplet.

    Args:
        distances: (B, B) between the images of the batch.
        labels: (B,) identities.
        margin: A number, or ``soft`` for ln(1 + exp(farthest positive - nearest negative)) (Hermans et al., Sec. 2).
        mean_over: ``violating`` leaves out anchors that keep the margin (MPN, Eq. 3).

    Returns:
        The scalar loss: zero, with a zero gradient, if no anchor is left.
    """
    same = labels[:, None] == labels[None, :]
    farthest_positive = distances.masked_fill(~same, float("-inf")).amax(1)
    nearest_negative = distances.masked_fill(same, float("inf")).amin(1)
    gap = farthest_positive - nearest_negative
    loss = F.softplus(gap) if margin == "soft" else (gap + margin).clamp(min=0)
    counted = (loss > 0) if mean_over == "violating" else nearest_negative.isfinite()
    return loss.sum() / counted.sum().clamp(min=1)
