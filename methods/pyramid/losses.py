"""The losses of Pyramid, and the rule for when the triplet loss is used (Sec. 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.losses import batch_hard_triplet, pairwise_euclidean_distance

MARGIN = 1.4
ALPHA = 0.25
"""Weight of the newest value in a loss's running mean."""
GAMMA = 2.0
"""Exponent of the focal measure."""
DELTA = 0.16
"""The triplet loss is used if its measure is at least this share of the identity loss's measure."""


def triplet_loss(features: Tensor, labels: Tensor) -> Tensor:
    """Batch-hard triplet loss of the branches side by side (B, D), with Euclidean distances."""
    return batch_hard_triplet(pairwise_euclidean_distance(features), labels, MARGIN)


def focal_measure(progress: Tensor) -> Tensor:
    """-(1 - p)^gamma ln p of each p: large for a loss that still falls, 0 for a loss that does not (p = 1)."""
    return -((1 - progress) ** GAMMA) * progress.clamp(min=1e-12).log()


class DynamicTraining(nn.Module):
    """Decides whether a step uses both losses, or only the identity loss because only that still falls.

    The running means of both losses are a buffer, so a resumed training continues with them.
    """

    means: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("means", torch.zeros(2))

    def forward(self, identity: Tensor, triplet: Tensor) -> Tensor:
        """Both losses of a step to the weight of the triplet loss, 1 or 0. It is 1 at the first step."""
        losses = torch.stack((identity, triplet)).detach()
        before = torch.where(self.means > 0, self.means, losses)
        after = ALPHA * losses + (1 - ALPHA) * before
        self.means.copy_(after)
        progress = torch.minimum(after, before) / before.clamp(min=1e-12)
        of_identity, of_triplet = focal_measure(progress)
        return (of_triplet >= DELTA * of_identity).float()
