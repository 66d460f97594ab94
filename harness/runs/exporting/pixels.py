"""Images of any kind as the bytes that a network's preparation begins with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from harness.datasets.file_names import DEEPER_MODES
from harness.errors import BadInput
from harness.machine.threads import cores

OneImage: TypeAlias = "Image.Image | str | PathLike[str] | Tensor"
"""A PIL image, the path of an image file, or an RGB tensor (3, H, W): uint8 in 0..255, or floats in 0..1."""
Images: TypeAlias = "OneImage | Sequence[OneImage]"
"""One image, several, or a tensor (N, 3, H, W)."""


def listed(images: Images) -> list[OneImage]:
    """The images one by one. Raises BadInput if there is none."""
    found: list[OneImage]
    if isinstance(images, Tensor):
        found = list(images) if images.ndim == 4 else [images]
    elif isinstance(images, Image.Image | str | PathLike):
        found = [images]
    else:
        found = list(images)
    if not found:
        raise BadInput("there is no image to embed; give at least one")
    return found


def resized(images: Iterable[OneImage], height: int, width: int) -> NDArray[np.uint8]:
    """RGB bytes (N, height, width, 3), resized with antialiased bilinear interpolation as in training and evaluation.

    Raises BadInput for an image that is none: it counts them and names the first three.
    """
    with ThreadPoolExecutor(cores()) as pool:
        found = list(pool.map(lambda image: _resized(image, height, width), images))
    broken = [each for each in found if isinstance(each, Path)]
    if broken:
        count = "1 file is" if len(broken) == 1 else f"{len(broken)} files are"
        raise BadInput(
            f"{count} no image of 8 bits per channel that can be decoded: {', '.join(map(str, broken[:3]))}; "
            "give whole image files"
        )
    return np.stack([each for each in found if not isinstance(each, Path)])


def _resized(image: OneImage, height: int, width: int) -> NDArray[np.uint8] | Path:
    """The bytes of one image, or its path where that is no image."""
    if isinstance(image, Tensor):
        return _bytes(Image.fromarray(_tensor_bytes(image)), height, width)
    if isinstance(image, Image.Image):
        if image.mode.startswith(DEEPER_MODES):
            raise BadInput(f"a PIL image of mode {image.mode} has no 8 bits per channel; convert it to RGB")
        return _bytes(image, height, width)
    path = Path(image)
    try:
        with Image.open(path) as opened:
            return path if opened.mode.startswith(DEEPER_MODES) else _bytes(opened, height, width)
    except FileNotFoundError as error:
        raise BadInput(f"there is no image {path}; correct its path") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        # Pillow raises SyntaxError for a broken PNG and ValueError for a few broken headers.
        return path


def _bytes(image: Image.Image, height: int, width: int) -> NDArray[np.uint8]:
    return np.asarray(image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR))


def _tensor_bytes(image: Tensor) -> NDArray[np.uint8]:
    """A tensor (3, H, W) as bytes (H, W, 3)."""
    if image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape:
        raise BadInput(f"an image tensor must be (3, H, W) or (N, 3, H, W), RGB, not {tuple(image.shape)}")
    if image.dtype != torch.uint8:
        if not image.is_floating_point():
            raise BadInput(f"an image tensor holds uint8 in 0..255 or floats in 0..1, not {image.dtype}; convert it")
        if not (image.min() >= 0 and image.max() <= 1):  # NaN is neither.
            raise BadInput("a tensor of floats must lie in 0..1 and not be normalised yet; divide bytes by 255")
        image = (image * 255).round().to(torch.uint8)
    return image.permute(1, 2, 0).cpu().numpy()
