"""Body part heatmaps (Sec. 3.1): 17 keypoints are drawn on the feature map and gathered into 8 groups."""

from __future__ import annotations

import torch
from torch import Tensor

GROUPS: dict[str, tuple[int, ...]] = {
    "head": (0, 1, 2, 3, 4),
    "left lower arm": (7, 9),
    "right lower arm": (8, 10),
    "left knee": (13,),
    "right knee": (14,),
    "left ankle": (15,),
    "right ankle": (16,),
    "torso": (5, 6, 11, 12),
}
"""COCO keypoints of each part. Sec. 4.2 lists the parts in this order."""

PARTNERS: tuple[tuple[int, ...], ...] = ((0,), (1, 2), (1, 2), (3, 4), (3, 4), (5, 6), (5, 6), (7,))
"""P(i) of Eq. 5: the part itself and, for a limb, the same limb on the other side."""

SIGMA = 0.5
"""Standard deviation of a keypoint's Gaussian, in cells of the feature map. HRNet's own is 2 pixels of a heatmap four
times as fine."""

SCALE = 10.0
"""Factor of the heatmaps before the softmax. At 1 the softmax would be nearly uniform."""


def keypoint_heatmaps(keypoints: Tensor, height: int, width: int) -> Tensor:
    """A Gaussian around each keypoint, as high as its confidence: (B, 17, 3) to (B, 17, height, width).

    A keypoint is x and y as fractions of the image's width and height, and a confidence in 0..1. If it lies outside the
    image, the part of its Gaussian that reaches into the image is kept.
    """
    rows = torch.arange(height, device=keypoints.device, dtype=torch.float32)
    columns = torch.arange(width, device=keypoints.device, dtype=torch.float32)
    x, y, confidence = keypoints.float().unbind(-1)
    # The middle of cell i lies at (i + 0.5) / height of the image.
    down = rows - (y * height - 0.5)[..., None]
    across = columns - (x * width - 0.5)[..., None]
    squares = down.square()[..., :, None] + across.square()[..., None, :]
    return confidence[..., None, None] * torch.exp(-squares / (2 * SIGMA**2))


def part_weights(keypoints: Tensor, height: int, width: int) -> Tensor:
    """H_k of the 8 parts: (B, 17, 3) to (B, 8, height, width), each summing to 1 over positions.

    The heatmaps of a group are added. A part without any response weighs all positions equally.
    """
    heatmaps = keypoint_heatmaps(keypoints, height, width).unbind(1)
    members = [torch.stack([heatmaps[keypoint] for keypoint in group], dim=1) for group in GROUPS.values()]
    grouped = torch.stack([each.sum(1) for each in members], dim=1)
    return torch.softmax(SCALE * grouped.flatten(2), dim=2).unflatten(2, (height, width))
