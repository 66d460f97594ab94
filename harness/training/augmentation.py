"""Flip, translate, normalise and erase whole batches; masks and keypoints follow the images.

Each image draws from its own random stream, so its augmentation is the same in a batch, in a share of it, or alone.
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
from harness.training.transfer import constant, sent

MEAN = (0.485, 0.456, 0.406)
STANDARD_DEVIATION = (0.229, 0.224, 0.225)
"""ImageNet's channel statistics, for images in 0..1."""

KEYPOINT_MIRROR = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)
"""Keypoint k (COCO) of the mirrored person is keypoint KEYPOINT_MIRROR[k] of the original: left and right swap."""

PARSING_MIRROR = (0, 1, 2, 4, 3)
"""Parsing labels after mirroring: left leg and right leg swap."""


@dataclass(frozen=True)
class Placement:
    """How each image of a batch moves: ``flipped`` (B,) bool, ``shift`` (B, 2) of rows and columns as fractions."""

    flipped: NDArray[np.bool_]
    shift: NDArray[np.float64]


def normalise(images: Tensor) -> Tensor:
    """(B, H, W, 3) uint8 to (B, 3, H, W) float32, normalised by ImageNet's statistics, channels last in memory."""
    count, height, width, channels = images.shape
    # One row of pixels at a time: three channels at a time would leave vector units idle.
    mean = (constant(MEAN, images.device) * 255).repeat(width)
    deviation = (constant(STANDARD_DEVIATION, images.device) * 255).repeat(width)
    rows = images.reshape(count * height, width * channels).to(torch.float32).sub_(mean).div_(deviation)
    return rows.view(count, height, width, channels).permute(0, 3, 1, 2)


def translation_offsets(images: int, translation: Translation | None, seed: int) -> NDArray[np.float64]:
    """Shifts (images, copies + 1, 2) of each training image and its copies; the first is the image itself, at 0."""
    copies = translation.copies if translation else 0
    offsets = np.zeros((images, copies + 1, 2))
    if translation:
        rng = np.random.default_rng([seed, copies])
        offsets[:, 1:] = rng.uniform(-translation.fraction, translation.fraction, (images, copies, 2))
    return offsets


def pad_and_crop(
    placement: Placement, padding: int, size: tuple[int, ...], streams: Sequence[np.random.Generator]
) -> Placement:
    """Pad and crop at random, which shifts an image by whole pixels.

    Args:
        placement: The placement of the images so far.
        padding: Black pixels on every side.
        size: Height and width of the images, before and after.
        streams: One random stream per image.
    """
    pixels = np.array([stream.integers(-padding, padding + 1, 2) for stream in streams])
    return Placement(placement.flipped, placement.shift + pixels / np.array(size))


def place_images(images: Tensor, placement: Placement) -> Tensor:
    """Flip, then shift (B, H, W, C) images by whole pixels; new pixels are 0 (black, or no mask)."""
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
    """The range of a side that stays visible after a shift, before and after the shift."""
    shift = max(-side, min(shift, side))
    return slice(max(-shift, 0), side - max(shift, 0)), slice(max(shift, 0), side + min(shift, 0))


def place_prior(kind: str, prior: Tensor, placement: Placement) -> Tensor:
    """Move a prior with its image.

    ``parsing`` (B, h, w) labels and ``segmentation`` (B, h, w) bool move like images; parsing swaps left and right
    legs. ``keypoints`` (B, 17, 3) move by the same fractions and swap left and right. ``infrared`` (B,) stays.
    """
    if kind == "infrared":
        return prior
    flipped = sent(placement.flipped, prior.device)
    if kind == "keypoints":
        mirrored = prior[:, constant(KEYPOINT_MIRROR, prior.device)]
        mirrored = torch.cat((1 - mirrored[..., :1], mirrored[..., 1:]), dim=-1)
        placed = torch.where(flipped[:, None, None], mirrored, prior)
        shift = sent(placement.shift[:, ::-1].copy(), prior.device).to(prior.dtype)
        return torch.cat((placed[..., :2] + shift[:, None], placed[..., 2:]), dim=-1)
    if kind == "parsing":
        swapped = constant(PARSING_MIRROR, prior.device)[prior.long()]
        prior = torch.where(flipped[:, None, None], swapped, prior.long())
    return place_images(prior[..., None], placement)[..., 0]


def erase(images: Tensor, erasing: Erasing, streams: Sequence[np.random.Generator]) -> Tensor:
    """Random erasing, in place, on normalised (B, 3, H, W) images (Zhong et al., Algorithm 1).

    A rectangle that does not fit into the image is drawn again, at most 100 times.
    """
    height, width = images.shape[2:]
    # One number fills all channels at once.
    is_one = len(set(erasing.fill)) == 1
    fill = erasing.fill[0] if is_one else constant(erasing.fill, images.device)[:, None, None]
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
    """Draw a rectangle within an image.

    Args:
        height: Rows of the image.
        width: Columns of the image.
        shape: Ranges of area (as a fraction of the image) and of aspect (height / width).
        rng: The random stream.

    Returns:
        Top, left, rows and columns, or None if no rectangle of 100 fits.
    """
    for _ in range(100):
        area = rng.uniform(*shape.area) * height * width
        aspect = rng.uniform(*shape.aspect)
        rows, columns = round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)
        if 0 < rows < height and 0 < columns < width:
            return int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1)), rows, columns
    return None
