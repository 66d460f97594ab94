"""Flip, translate, normalise and erase whole batches; masks and keypoints follow the images.

Every image draws from a random stream of its own, so that a batch, a share of it, and one image alone get the same.
torchvision's transforms draw from one global stream, and their flip leaves left and right in keypoints and parsing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.recipe import Erasing, Patch, Translation

MEAN = (0.485, 0.456, 0.406)
STANDARD_DEVIATION = (0.229, 0.224, 0.225)
"""ImageNet's channel statistics, for images in 0..1."""

KEYPOINT_MIRROR = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)
"""COCO keypoint k of the mirrored person is keypoint KEYPOINT_MIRROR[k]: left and right change places."""

PARSING_MIRROR = (0, 1, 2, 4, 3)
"""Parsing labels after a mirror: left leg and right leg change places."""


@dataclass(frozen=True)
class Placement:
    """Where each image of a batch is put: ``flipped`` (B,) bool, ``shift`` (B, 2) rows and columns as fractions."""

    flipped: NDArray[np.bool_]
    shift: NDArray[np.float64]


def normalise(images: Tensor) -> Tensor:
    """(B, H, W, 3) uint8 to (B, 3, H, W) float32 in ImageNet's units, channels last in memory."""
    count, height, width, channels = images.shape
    # A row of pixels at a time: three channels at a time would leave vector units idle.
    mean = (torch.tensor(MEAN, device=images.device) * 255).repeat(width)
    deviation = (torch.tensor(STANDARD_DEVIATION, device=images.device) * 255).repeat(width)
    rows = images.reshape(count * height, width * channels).to(torch.float32).sub_(mean).div_(deviation)
    return rows.view(count, height, width, channels).permute(0, 3, 1, 2)


def translation_offsets(images: int, translation: Translation | None, seed: int) -> NDArray[np.float64]:
    """(images, copies + 1, 2) shifts of every training image and its copies; the first copy is the image itself."""
    copies = translation.copies if translation else 0
    offsets = np.zeros((images, copies + 1, 2))
    if translation:
        rng = np.random.default_rng([seed, copies])
        offsets[:, 1:] = rng.uniform(-translation.fraction, translation.fraction, (images, copies, 2))
    return offsets


def padded_and_cropped(
    placement: Placement, padding: int, size: tuple[int, ...], streams: Sequence[np.random.Generator]
) -> Placement:
    """Pad by that many black pixels and crop images of ``size`` (height, width) again: a shift by whole pixels."""
    pixels = np.array([stream.integers(-padding, padding + 1, 2) for stream in streams])
    return Placement(placement.flipped, placement.shift + pixels / np.array(size))


def place_images(images: Tensor, placement: Placement) -> Tensor:
    """Flip then shift (B, H, W, C) images by whole pixels; what comes in is 0 (black, or no mask)."""
    height, width = images.shape[1:3]
    pixels = np.round(placement.shift * (height, width)).astype(np.int64)
    if not (pixels.any() or placement.flipped.any()):
        return images
    placed = torch.empty_like(images)
    for source, target, flipped, shift in zip(images, placed, placement.flipped, pixels.tolist(), strict=True):
        (rows, rows_there), (columns, columns_there) = _shifted(shift[0], height), _shifted(shift[1], width)
        if any(shift):
            target.zero_()
        target[rows_there, columns_there] = (source.flip(1) if flipped else source)[rows, columns]
    return placed


def _shifted(shift: int, side: int) -> tuple[slice, slice]:
    """What of a side stays in sight when it is shifted, and where that comes to lie."""
    shift = max(-side, min(shift, side))
    return slice(max(-shift, 0), side - max(shift, 0)), slice(max(shift, 0), side + min(shift, 0))


def place_prior(kind: str, prior: Tensor, placement: Placement) -> Tensor:
    """Carry a prior along with its image.

    ``parsing`` (B, h, w) labels and ``segmentation`` (B, h, w) bool move as images do, left and right legs swapped;
    ``keypoints`` (B, 17, 3) move by the same fractions, left and right swapped; ``infrared`` (B,) stays as it is.
    """
    if kind == "infrared":
        return prior
    flipped = torch.from_numpy(placement.flipped).to(prior.device)
    if kind == "keypoints":
        mirrored = prior[:, list(KEYPOINT_MIRROR)]
        mirrored = torch.cat((1 - mirrored[..., :1], mirrored[..., 1:]), dim=-1)
        placed = torch.where(flipped[:, None, None], mirrored, prior)
        shift = torch.from_numpy(placement.shift[:, ::-1].copy()).to(prior)
        return torch.cat((placed[..., :2] + shift[:, None], placed[..., 2:]), dim=-1)
    if kind == "parsing":
        swapped = torch.tensor(PARSING_MIRROR, device=prior.device)[prior.long()]
        prior = torch.where(flipped[:, None, None], swapped, prior.long())
    return place_images(prior[..., None], placement)[..., 0]


def erase(images: Tensor, erasing: Erasing, streams: Sequence[np.random.Generator]) -> Tensor:
    """Random erasing, in place, on normalised (B, 3, H, W) images (Zhong et al., Algorithm 1).

    Rectangles that would leave the image are drawn anew, 100 times at most.
    """
    height, width = images.shape[2:]
    fill: Tensor | float = torch.tensor(erasing.fill, device=images.device, dtype=images.dtype)[:, None, None]
    if len(set(erasing.fill)) == 1:
        # One number goes into all channels at once.
        fill = erasing.fill[0]
    for image, stream in zip(images, streams, strict=True):
        if stream.random() >= erasing.probability:
            continue
        box = random_rectangle(height, width, erasing, stream)
        if box:
            top, left, rows, columns = box
            image[:, top : top + rows, left : left + columns] = fill
    return images


def random_rectangle(
    height: int, width: int, shape: Erasing | Patch, rng: np.random.Generator
) -> tuple[int, int, int, int] | None:
    """Top, left, rows and columns of a rectangle of that area and aspect in an image; None where none fits."""
    for _ in range(100):
        area = rng.uniform(*shape.area) * height * width
        aspect = rng.uniform(*shape.aspect)
        rows, columns = round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)
        if 0 < rows < height and 0 < columns < width:
            return int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1)), rows, columns
    return None
