"""The losses of PGFL-KD: ReID loss, consistent loss (Eq. 4) and multi-part contrastive loss (Eq. 5)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from harness.losses import batch_hard_triplet, identity_loss, pairwise_euclidean_distance
from methods.pgfl_kd.heatmaps import PARTNERS
from methods.pgfl_kd.switches import Reduction, Triplet

MARGIN = 0.3
SMOOTHING = 0.1
"""The triplet margin and the label smoothing of BoT [25], on which the paper builds."""
TEMPERATURE = 0.07
"""What products of unit vectors are divided by in CoCLR [6], which the text cites for Eq. 5."""


def reid_loss(feature: Tensor, logits: Tensor, labels: Tensor, triplet: Triplet = "margin") -> dict[str, Tensor]:
    """L_ReID of one feature: ``id`` from its classifier's ``logits`` (B, C), ``triplet`` from the feature (B, D)."""
    return {"id": identity_loss([logits], labels, SMOOTHING), "triplet": triplet_loss(feature, labels, triplet)}


def triplet_loss(feature: Tensor, labels: Tensor, triplet: Triplet) -> Tensor:
    """The triplet loss of a feature (B, D) with batch-hard mining.

    ``margin`` and ``soft_margin`` compare Euclidean distances. ``products`` is Eq. 7 with its sign put right:
    log(1 + exp(v_a v_n - v_a v_p)).
    """
    if triplet == "products":
        return batch_hard_triplet(-feature @ feature.T, labels, "soft")
    return batch_hard_triplet(
        pairwise_euclidean_distance(feature), labels, "soft" if triplet == "soft_margin" else MARGIN
    )


def consistent_loss(student: Tensor, teacher: Tensor, reduction: Reduction = "mean") -> Tensor:
    """L_CL, Eq. 4: squared distance of ``student`` (B, D) to the detached ``teacher`` (B, D), averaged over images.

    ``reduction`` over channels: the ``mean``, the printed ``sum``, or the sum for ``normalised`` vectors.
    """
    teacher = teacher.detach()
    if reduction == "normalised":
        student, teacher = F.normalize(student, dim=1), F.normalize(teacher, dim=1)
    squares = (student - teacher).square()
    return squares.mean() if reduction == "mean" else squares.sum(1).mean()


def multi_part_contrastive_loss(whole: Tensor, parts: Tensor, unit_vectors: bool = False) -> Tensor:
    """L_MCL, Eq. 5, summed over the 8 parts and averaged over images.

    Each of the 8 channel groups f_{g,j} of f_G is drawn to its own part f_{p,i} and to the twin of that part on the
    other side.

    Args:
        whole: f_G (B, D).
        parts: f_P (B, D); it gets no gradient.
        unit_vectors: Scale every group to length 1 and divide products by ``TEMPERATURE``, as CoCLR [6] does.
    """
    groups, teachers = (feature.unflatten(1, (len(PARTNERS), -1)) for feature in (whole, parts.detach()))
    if unit_vectors:
        groups, teachers = F.normalize(groups, dim=2), F.normalize(teachers, dim=2) / TEMPERATURE
    products = teachers @ groups.transpose(1, 2)  # (B, i, j): f_{p,i} . f_{g,j}
    # The partners of a part follow each other, so a slice holds them.
    among_positives = [products[:, i, them[0] : them[-1] + 1].logsumexp(1) for i, them in enumerate(PARTNERS)]
    return (products.logsumexp(2) - torch.stack(among_positives, 1)).sum(1).mean()
