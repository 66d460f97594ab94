"""Centre loss (Wen et al., ECCV 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CENTRE_RATE = 0.5
"""Alpha of Eq. 4: the step of a centre towards the mean of its features in a batch."""


class CentreLoss(nn.Module):
    """Half the squared distances of features to the centres of their identities; the centres follow the features.

    Centres are a buffer, not parameters: Eq. 4 updates them, not an optimiser.
    """

    centres: Tensor

    def __init__(self, identities: int, width: int) -> None:
        super().__init__()
        self.register_buffer("centres", torch.zeros(identities, width))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Eq. 2, summed over the batch, for (B, D) features and (B,) labels. In training the centres then move."""
        difference = features.float() - self.centres[labels]
        if self.training:
            self._follow(difference.detach(), labels)
        return difference.square().sum() / 2

    def _follow(self, difference: Tensor, labels: Tensor) -> None:
        """Eq. 4: move each centre by alpha times the sum of its features' differences over 1 + their number."""
        totals = torch.zeros_like(self.centres).index_add_(0, labels, difference)
        # Not bincount: a GPU is waited for to learn the greatest label.
        counts = torch.zeros_like(self.centres[:, :1]).index_add_(0, labels, torch.ones_like(difference[:, :1]))
        self.centres.add_(CENTRE_RATE * totals / (1 + counts))
