"""Pooling of the stripes of a final map: even stripes, or stripes of balanced activation (Sec. III-C)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from harness.errors import BadInput
from harness.models.stripes import stripes

Pooling = Literal["max", "avg"]


def global_pooling(features: Tensor) -> Tensor:
    """Global max pooling, (B, C, h, w) to (B, C)."""
    return features.flatten(2).amax(2)


def even_pooling(features: Tensor, parts: int, pooling: Pooling) -> list[Tensor]:
    """Pool each of ``parts`` stripes of equal height: (B, C, h, w) to a list of ``parts`` (B, C)."""
    pieces = [features[:, :, rows].flatten(2) for rows in stripes(features.shape[2], parts)]
    return [piece.amax(2) if pooling == "max" else piece.mean(2) for piece in pieces]


def balanced_pooling(features: Tensor, parts: int, pooling: Pooling) -> list[Tensor]:
    """Activation balanced pooling: like ``even_pooling``, but each image chooses the heights of its stripes."""
    boundaries = balanced_boundaries(features.detach(), parts)
    row = torch.arange(features.shape[2], device=features.device)
    # Rows are pooled first: the maximum (mean) of a stripe is the maximum (mean) of its rows.
    rows = features.amax(3) if pooling == "max" else features.mean(3)
    pooled = []
    for part in range(parts):
        top, bottom = boundaries[:, part, None], boundaries[:, part + 1, None]
        inside = ((row >= top) & (row < bottom))[:, None]
        if pooling == "max":
            pooled.append(rows.masked_fill(~inside, float("-inf")).amax(2))
        else:
            pooled.append((rows * inside).sum(2) / (bottom - top))
    return pooled


def balanced_boundaries(features: Tensor, parts: int) -> Tensor:
    """h_0 to h_K of Eq. 8-10 for K = ``parts``: (B, C, h, w) to (B, K + 1); stripe k is rows h_k to h_(k+1) - 1.

    Each channel votes for the row of its greatest activation; among equal ones the first in reading order counts. A
    channel that is nowhere above 0 has no vote, and without any vote stripes are even. No stripe is empty.

    Raises BadInput if there are fewer rows than parts.
    """
    batch, _, height, width = features.shape
    if height < parts:
        raise BadInput(
            f"rmgl: {height} rows cannot be divided into {parts} stripes; use fewer stripes or larger images"
        )
    peak, place = features.flatten(2).max(2)
    row = torch.arange(height + 1, device=features.device)
    # H_x(h): the votes for the first h rows.
    votes = (((place // width)[:, :, None] < row) & (peak > 0)[:, :, None]).sum(1)
    total = votes[:, -1]
    boundaries = torch.zeros(batch, parts + 1, dtype=torch.int64, device=features.device)
    boundaries[:, parts] = height
    for part in range(1, parts):
        quota = -(-part * total // parts)  # rounded up
        highest = (votes <= quota[:, None]).sum(1) - 1
        chosen = torch.where(total > 0, highest, part * height // parts)
        boundaries[:, part] = chosen.clamp(max=height - (parts - part)).maximum(boundaries[:, part - 1] + 1)
    return boundaries
