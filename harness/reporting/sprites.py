"""Small pictures in a page: tiles side by side in one WebP file, written into the page itself."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TILE_WIDTH = 44
GAP = 6
QUALITY = 72


@dataclass(frozen=True)
class Sprite:
    """Tiles in a row as a data: URI; ``lefts`` are their left edges in the picture's own pixels."""

    uri: str
    width: int
    height: int
    tile_width: int
    lefts: tuple[int, ...]


def sprite(tiles: NDArray[np.uint8]) -> Sprite:
    """Join ``tiles`` (n, H, W, 3) into one row, each reduced to the same small width; gaps are transparent."""
    count, height, width = tiles.shape[:3]
    tile_height = round(TILE_WIDTH * height / width)
    lefts = tuple(number * (TILE_WIDTH + GAP) for number in range(count))
    row = Image.new("RGBA", (lefts[-1] + TILE_WIDTH, tile_height))
    for left, tile in zip(lefts, tiles, strict=True):
        row.paste(Image.fromarray(tile).resize((TILE_WIDTH, tile_height), Image.Resampling.BICUBIC), (left, 0))
    buffer = io.BytesIO()
    row.save(buffer, "WEBP", quality=QUALITY)
    uri = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
    return Sprite(uri, row.width, row.height, TILE_WIDTH, lefts)


def heat_over(image: NDArray[np.uint8], heat: NDArray[np.uint8], colours: NDArray[Any]) -> NDArray[np.uint8]:
    """An image (H, W, 3) dimmed where ``heat`` (H, W; 0..255) is low, and tinted by ``colours`` (256, 3) where high."""
    weight = (heat / 255.0)[..., None]
    grey = image.mean(axis=2, keepdims=True) * 0.55
    blended = (1 - 0.65 * weight) * (grey + (image - grey) * 0.25) + 0.65 * weight * colours[heat] * 255
    return np.clip(blended, 0, 255).astype(np.uint8)
