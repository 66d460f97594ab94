"""The losses of PGFL-KD: ReID loss, consistent loss (Eq. 4) and multi-part contrastive loss (Eq. 5)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from harness.losses import batch_hard_triplet, identity_loss, pairwise_euclidean_distance
from methods.pgfl_kd import Reduction
from methods.pgfl_kd.heatmaps import PARTNERS

MARGIN = 0.3
SMOOTHING = 0.1
"""Margin of the triplet loss and label smoothing of BoT [25], which the paper builds on."""


def reid_loss(feature: Tensor, logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """L_ReID of one feature: ``id`` of its classifier's ``logits`` (B, C), ``triplet`` of the feature (B, D) itself."""
    distances = pairwise_euclidean_distance(feature)
    return {
        "id": identity_loss([logits], labels, SMOOTHING),
        "triplet": batch_hard_triplet(distances, labels, MARGIN),
    }


def consistent_loss(student: Tensor, teacher: Tensor, reduction: Reduction = "mean") -> Tensor:
    """L_CL, Eq. 4: squared distance of ``student`` (B, D) from ``teacher`` (B, D), detached; a mean over images.

    Over channels it is a mean, or by ``reduction`` the printed ``sum``, or the sum for vectors ``normalised`` before.
    """
    teacher = teacher.detach()
    if reduction == "normalised":
        student, teacher = F.normalize(student, dim=1), F.normalize(teacher, dim=1)
    squares = (student - teacher).square()
    return squares.mean() if reduction == "mean" else squares.sum(1).mean()


def multi_part_contrastive_loss(
    whole: Tensor, parts: Tensor, normalise: bool = False, temperature: float = 1.0
) -> Tensor:
    """L_MCL, Eq. 5, summed over the 8 parts and averaged over images.

    ``whole`` (B, D) is f_G, whose 8 channel groups f_{g,j} are drawn to their own part f_{p,i} and to its twin on the
    other side; ``parts`` (B, D) is f_P, detached. ``normalise`` gives every group length 1 before.
    """
    groups, teachers = (feature.unflatten(1, (len(PARTNERS), -1)) for feature in (whole, parts.detach()))
    if normalise:
        groups, teachers = F.normalize(groups, dim=2), F.normalize(teachers, dim=2)
    products = teachers @ groups.transpose(1, 2) / temperature  # (B, i, j): f_{p,i} . f_{g,j}
    positive = torch.tensor([[j in partners for j in range(len(PARTNERS))] for partners in PARTNERS])
    among_positives = products.masked_fill(~positive.to(products.device), float("-inf")).logsumexp(2)
    return (products.logsumexp(2) - among_positives).sum(1).mean()
