"""The identity classification loss."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def identity_loss(logits: Sequence[Tensor], labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy, averaged over the batch and summed over classifiers: logits (B, C) each, ``labels`` (B,).

    Label smoothing e gives the true identity the weight 1 - e + e / C, all others e / C (Szegedy et al., CVPR 2016).
    """
    return torch.stack([F.cross_entropy(each.float(), labels, label_smoothing=smoothing) for each in logits]).sum()
