"""The triplet loss with batch-hard mining (Hermans et al., arXiv 1703.07737, Eq. 5)."""

from __future__ import annotations

from torch import Tensor


def batch_hard_triplet(distances: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Mean hinge of (farthest positive - nearest negative + margin), over the anchors where it is positive.

    ``distances`` (B, B) between the batch's images, ``labels`` (B,) identities. An anchor counts as its own positive,
    and one without any negative in the batch forms no triplet. Zero, with a zero gradient, when no anchor violates
    the margin. The mean over violating anchors only is that of MPN, Eq. 3.
    """
    same = labels[:, None] == labels[None, :]
    farthest_positive = distances.masked_fill(~same, float("-inf")).amax(1)
    nearest_negative = distances.masked_fill(same, float("inf")).amin(1)
    hinge = (farthest_positive - nearest_negative + margin).clamp(min=0)
    violating = (hinge > 0).sum()
    return hinge.sum() / violating.clamp(min=1)
