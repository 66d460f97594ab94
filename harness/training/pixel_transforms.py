"""Crop and resize, jitter colours, shift: transforms of training images before normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from harness.recipe import Augmentation, Jitter, RandomCrop, Shifting
from harness.training.transfer import constant, sent

GREY = 127
"""Half of the uint8 range: the average background (RMGL, Sec. III-D)."""

LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a grey image (ITU-R BT.601)."""


@dataclass(frozen=True)
class PixelBox:
    """A rectangle of whole pixels."""

    top: int
    left: int
    rows: int
    columns: int

    def of(self, image: Tensor) -> Tensor:
        """This part of an (H, W, C) image, as a view."""
        return image[self.top : self.top + self.rows, self.left : self.left + self.columns]


def transform_pixels(images: Tensor, augmentation: Augmentation, streams: Sequence[np.random.Generator]) -> Tensor:
    """Crop, jitter and shift (B, H, W, 3) uint8 images, in this order, where the augmentation asks for it."""
    if augmentation.crop:
        images = torch.stack([_cropped(*each, augmentation.crop) for each in zip(images, streams, strict=True)])
    if augmentation.jitter:
        images = jitter_colours(images, augmentation.jitter, streams)
    if augmentation.shifting:
        images = torch.stack([_shifted(*each, augmentation.shifting) for each in zip(images, streams, strict=True)])
    return images


def jitter_colours(images: Tensor, jitter: Jitter, streams: Sequence[np.random.Generator]) -> Tensor:
    """Jitter the colours of (B, H, W, 3) uint8 images, with separate factors per image."""
    drawn: NDArray[np.float32] = np.array([_colour_factors(jitter, stream) for stream in streams], np.float32)
    factors = sent(drawn, images.device)[..., None, None, None]
    pixels = images.float()
    pixels = (pixels * factors[:, 0]).clamp(0, 255)
    pixels = _blended(pixels, _grey(pixels).mean((1, 2), keepdim=True), factors[:, 1])
    pixels = _blended(pixels, _grey(pixels), factors[:, 2])
    return pixels.round().to(torch.uint8)


def _colour_factors(jitter: Jitter, rng: np.random.Generator) -> tuple[float, ...]:
    """The factors on brightness, contrast and saturation of an image."""
    spreads = (jitter.brightness, jitter.contrast, jitter.saturation)
    if rng.random() >= jitter.probability:
        return (1.0,) * len(spreads)
    return tuple(rng.uniform(1 - spread, 1 + spread) for spread in spreads)


def crop_box(height: int, width: int, crop: RandomCrop, rng: np.random.Generator) -> PixelBox:
    """Draw a random crop of an image, uniform over all positions that fit.

    Args:
        height: Rows of the image.
        width: Columns of the image.
        crop: Ranges of area and aspect.
        rng: The random stream.
    """
    area, stretch = rng.uniform(*crop.area), rng.uniform(*crop.aspect)
    rows, columns = (
        _whole_pixels(height * (area * stretch) ** 0.5, height),
        _whole_pixels(width * (area / stretch) ** 0.5, width),
    )
    return PixelBox(*_random_corner(height, width, rows, columns, rng), rows, columns)


def shifting_boxes(height: int, width: int, shifting: Shifting, rng: np.random.Generator) -> tuple[PixelBox, PixelBox]:
    """Draw the boxes of random shifting.

    r_c ~ U(crop_min, 1) of the height is kept, or all of it. Then r_h ~ U(height_min, 1 / r_c) and
    r_w ~ U(width_min, 1) scale the kept part to at most the size of the canvas.

    Args:
        height: Rows of the image and of the canvas.
        width: Columns of the image and of the canvas.
        shifting: Probabilities and bounds.
        rng: The random stream.

    Returns:
        The part of the image that is kept, and its place on the canvas.
    """
    kept = rng.uniform(shifting.crop_min, 1.0) if rng.random() < shifting.crop_probability else 1.0
    kept_width = kept if shifting.crop_width else 1.0
    rows, columns = _whole_pixels(kept * height, height), _whole_pixels(kept_width * width, width)
    source = PixelBox(*_random_corner(height, width, rows, columns, rng), rows, columns)
    rows = _whole_pixels(rng.uniform(shifting.height_min, 1 / kept) * kept * height, height)
    columns = _whole_pixels(rng.uniform(shifting.width_min, 1 / kept_width) * kept_width * width, width)
    return source, PixelBox(*_random_corner(height, width, rows, columns, rng), rows, columns)


def _cropped(image: Tensor, rng: np.random.Generator, crop: RandomCrop) -> Tensor:
    if rng.random() >= crop.probability:
        return image
    height, width = image.shape[:2]
    resized = _resized(crop_box(height, width, crop, rng).of(image), height, width, "bilinear")
    down, right = (round(rng.uniform(-crop.shift, crop.shift) * side) for side in (height, width))
    if not (down or right):
        return resized
    moved = torch.full_like(image, GREY)
    overlap = height - abs(down), width - abs(right)
    source, target = PixelBox(max(-down, 0), max(-right, 0), *overlap), PixelBox(max(down, 0), max(right, 0), *overlap)
    target.of(moved).copy_(source.of(resized))
    return moved


def _shifted(image: Tensor, rng: np.random.Generator, shifting: Shifting) -> Tensor:
    if rng.random() >= shifting.probability:
        return image
    height, width = image.shape[:2]
    source, target = shifting_boxes(height, width, shifting, rng)
    canvas = torch.full_like(image, GREY)
    target.of(canvas).copy_(_resized(source.of(image), target.rows, target.columns, shifting.interpolation))
    return canvas


def _whole_pixels(length: float, side: int) -> int:
    """Round to whole pixels, from 1 to ``side``."""
    return min(max(round(length), 1), side)


def _random_corner(height: int, width: int, rows: int, columns: int, rng: np.random.Generator) -> tuple[int, int]:
    return int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))


def _resized(patch: Tensor, rows: int, columns: int, interpolation: str) -> Tensor:
    """(h, w, 3) uint8 to (rows, columns, 3) uint8, with antialiasing where the image shrinks."""
    planes = patch.permute(2, 0, 1)[None].float()
    resized = F.interpolate(planes, (rows, columns), mode=interpolation, align_corners=False, antialias=True)
    return resized[0].permute(1, 2, 0).round().clamp(0, 255).to(torch.uint8)


def _grey(pixels: Tensor) -> Tensor:
    return (pixels * constant(LUMINANCE, pixels.device)).sum(-1, keepdim=True)


def _blended(pixels: Tensor, towards: Tensor, factor: Tensor) -> Tensor:
    return (towards + factor * (pixels - towards)).clamp(0, 255)
