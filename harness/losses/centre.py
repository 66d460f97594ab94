"""Centre loss (Wen et al., ECCV 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CENTRE_RATE = 0.5
"""Alpha of Eq. 4: the step of a centre towards the mean of its features in a batch. The released code's rate, too."""


class CentreLoss(nn.Module):
    """Half the squared distances of features to the centres of their identities; the centres follow the features.

    Centres are a buffer, not parameters: Eq. 4 updates them, not an optimiser.

    ``released`` is the loss of reid-strong-baseline, which AGW's code took over: the mean of the squared distances over
    a batch of B, which is B / 2 times less. SGD moves its centres against the gradient of that mean, and they begin at
    random.
    """

    centres: Tensor

    def __init__(self, identities: int, width: int, released: bool = False) -> None:
        super().__init__()
        self.released = released
        self.register_buffer("centres", torch.randn(identities, width) if released else torch.zeros(identities, width))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Eq. 2, summed over the batch, for (B, D) features and (B,) labels. In training the centres then move."""
        difference = features.float() - self.centres[labels]
        if self.training:
            self._follow(difference.detach(), labels)
        squares = difference.square().sum()
        return squares / len(labels) if self.released else squares / 2

    def _follow(self, difference: Tensor, labels: Tensor) -> None:
        """Eq. 4: move each centre by alpha times the sum of its features' differences over 1 + their number.

        ``released``: by the rate times the sum of 2 / B of the differences.
        """
        totals = torch.zeros_like(self.centres).index_add_(0, labels, difference)
        if self.released:
            self.centres.add_(CENTRE_RATE * 2 / len(labels) * totals)
            return
        # Not bincount: a GPU is waited for to learn the greatest label.
        counts = torch.zeros_like(self.centres[:, :1]).index_add_(0, labels, torch.ones_like(difference[:, :1]))
        self.centres.add_(CENTRE_RATE * totals / (1 + counts))
