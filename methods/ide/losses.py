"""The loss of IDE: each identity of the training set is a class (Zheng et al., arXiv 1610.02984, Sec. 5.2)."""

from __future__ import annotations

from torch import Tensor

from harness.losses import identity_loss


def classification_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of logits (B, C) and labels (B,), averaged over the batch."""
    return identity_loss([logits], labels)
