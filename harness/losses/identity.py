"""Identity classification losses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def identity_loss(logits: Sequence[Tensor], labels: Tensor) -> Tensor:
    """Cross-entropy, averaged over the batch and summed over classifiers: each logits (B, C), ``labels`` (B,)."""
    return torch.stack([F.cross_entropy(each.float(), labels) for each in logits]).sum()
