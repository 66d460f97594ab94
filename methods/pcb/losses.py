"""The loss of PCB: each part has its own classifier, and the cross-entropies are summed (Sec. 3.2)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from harness.losses import identity_loss


def part_loss(logits: Sequence[Tensor], labels: Tensor) -> Tensor:
    """Sum of the parts' cross-entropies: each logits (B, C), ``labels`` (B,)."""
    return identity_loss(logits, labels)
