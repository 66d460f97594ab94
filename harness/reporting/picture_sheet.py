"""Many small images in one picture, embedded in the page once and cut up by its script."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from typing import TypedDict

from PIL import Image

from harness.results.album import Tiles

WIDTHS = (44, 36, 28, 20)
"""Widths of an image in pixels, the first that fits its budget is used. Heights are twice as large."""
QUALITY = 60


class Sheet(TypedDict):
    """A picture as a data: address; image i stands in row ``i // columns``, ``width`` by ``height`` pixels large."""

    uri: str
    columns: int
    rows: int
    width: int
    height: int


def picture_sheet(tiles: Tiles, numbers: Sequence[int], budget: int) -> Sheet:
    """Images ``numbers`` of ``tiles`` in one WebP picture of at most ``budget`` characters, or as small as can be."""
    for width in WIDTHS:
        sheet = _sheet(tiles, numbers, width)
        if len(sheet["uri"]) <= budget:
            break
    return sheet


def _sheet(tiles: Tiles, numbers: Sequence[int], width: int) -> Sheet:
    height, columns = 2 * width, math.ceil(math.sqrt(2 * len(numbers)))
    rows = math.ceil(len(numbers) / columns)
    picture = Image.new("RGB", (columns * width, rows * height))
    for place, number in enumerate(numbers):
        with Image.open(io.BytesIO(tiles[number])) as tile:
            small = tile if tile.size == (width, height) else tile.resize((width, height), Image.Resampling.BICUBIC)
            picture.paste(small, (place % columns * width, place // columns * height))
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=QUALITY)
    uri = f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return {"uri": uri, "columns": columns, "rows": rows, "width": width, "height": height}
