"""The coarse prior of body part locations (Sec. 3.2, Fig. 5): from parsing map and person mask to the ATs' input."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

HEAD, LEFT_LEG, RIGHT_LEG = 1, 3, 4
"""Labels of the parsing map that are counted. 0 is background, 2 is torso and arms."""

PRESENT_FRACTION = 0.002
"""A part is present if it covers this fraction of the image. The paper counts pixels and prints no threshold."""


@dataclass(frozen=True)
class CoarsePrior:
    """The result of Fig. 5(a) for a batch, at the trunk's resolution.

    ``mask`` (B, h, w) is M, 0.0 or 1.0. ``top`` and ``bottom`` (B,) are the first and last row of the body. If the
    body's boundaries cannot be trusted, M is 1 everywhere and the body is the whole image.
    """

    mask: Tensor
    top: Tensor
    bottom: Tensor


def coarse_prior(parsing: Tensor, segmentation: Tensor, height: int, width: int, parts: int) -> CoarsePrior:
    """The steps of Fig. 5(a).

    Args:
        parsing: Part of the body of each pixel (B, 64, 32); 0 is background.
        segmentation: Whether a pixel shows the person (B, 64, 32).
        height: Rows of the feature map.
        width: Its columns.
        parts: Stripes that the person is divided into.
    """
    valid = _head_and_leg_present(parsing)
    body = (parsing > 0) | segmentation
    mask = dilate(_resize_and_binarise(body, height, width))
    occupied = mask.any(2)
    rows = torch.arange(height, device=mask.device)
    top = torch.where(occupied, rows, height).amin(1)
    bottom = torch.where(occupied, rows, -1).amax(1)
    # Fewer rows than parts cannot be divided. An empty mask has no rows.
    valid = valid & (bottom - top + 1 >= parts)
    return CoarsePrior(
        mask=(mask | ~valid[:, None, None]).float(),
        top=torch.where(valid, top, 0),
        bottom=torch.where(valid, bottom, height - 1),
    )


def _head_and_leg_present(parsing: Tensor) -> Tensor:
    """(B,) bool: the head and at least one leg are present, so both boundaries of the body can be trusted."""
    pixels = parsing.shape[1] * parsing.shape[2]

    def present(label: int) -> Tensor:
        return (parsing == label).sum((1, 2)) >= PRESENT_FRACTION * pixels

    return present(HEAD) & (present(LEFT_LEG) | present(RIGHT_LEG))


def _resize_and_binarise(body: Tensor, height: int, width: int) -> Tensor:
    resized = F.interpolate(body[:, None].float(), (height, width), mode="bilinear", align_corners=False)
    return resized[:, 0] > 0.5


def dilate(mask: Tensor) -> Tensor:
    """Dilation by a kernel 1 high and 2 wide. Anchored as in OpenCV, it lets the mask grow one cell to the right."""
    return mask | F.pad(mask[:, :, :-1], (1, 0))


def rectify(features: Tensor, prior: CoarsePrior, use_mask: bool) -> Tensor:
    """Fig. 5(b) up to the division: the background is masked out, the body's rows are stretched over the height.

    ``features`` (B, C, h, w) to the same shape. Without ``use_mask`` rows are only stretched ("ROI Resize", Table 2).
    """
    if use_mask:
        features = features * prior.mask[:, None].to(features.dtype)
    rows = row_weights(prior.top, prior.bottom, features.shape[2]).to(features.dtype)
    # One matrix product over rows serves all channels and columns. Channels-last features are not copied.
    batch, channels, height, width = features.shape
    flat = features.permute(0, 2, 3, 1).reshape(batch, height, width * channels)
    return (rows @ flat).reshape(batch, height, width, channels).permute(0, 3, 1, 2)


def row_weights(top: Tensor, bottom: Tensor, height: int) -> Tensor:
    """Bilinear resize of rows top..bottom to ``height`` rows (align_corners=False) as matrices (B, height, height).

    Entry (i, j) is the weight of row j of the image in row i of the result.
    """
    rows = torch.arange(height, device=top.device)
    extent = (bottom - top + 1)[:, None]
    position = (rows + 0.5) * extent / height - 0.5
    position = torch.minimum(position.clamp(min=0), (extent - 1).float()) + top[:, None]
    return (1 - (position[:, :, None] - rows).abs()).clamp(min=0)
