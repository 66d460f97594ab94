"""Keep the album of a dataset beside the records, for the report."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.datasets.base import Dataset
from harness.results.album import Album, Fact, Tiles, album_path
from harness.results.store import Store

TILE_SIZE = (44, 88)
"""Width and height of the small copies, in pixels."""
QUALITY = 66


def keep_album(dataset: Dataset, store: Store, images: bool) -> None:
    """Write the album of a dataset, unless one is there that serves.

    Args:
        dataset: The dataset.
        store: Where it is kept.
        images: Whether images of real datasets may be kept; those of the embedded datasets always are.
    """
    path, shown = store.path(album_path(dataset.passport.fingerprint)), images or dataset.embedded
    kept = Album.read(path)
    if kept is not None and (kept.tiles is not None or not shown):
        return
    names = np.array(dataset.query.names), np.array(dataset.gallery.names)
    Album(*names, _facts(dataset), _tiles(dataset) if shown else None).write(path)


def _facts(dataset: Dataset) -> dict[Fact, NDArray[np.str_]]:
    facts: dict[Fact, NDArray[np.str_]] = {}
    if dataset.infrared_cameras:
        facts["light"] = np.where(dataset.infrared(dataset.query), "infrared", "visible")
    if dataset.embedded:
        from harness.datasets.synthetic.query_facts import query_facts

        for fact, values in query_facts(dataset).items():
            facts[fact] = values
    return facts


def _tiles(dataset: Dataset) -> Tiles:
    return Tiles.of([_tile(dataset, name) for split in (dataset.query, dataset.gallery) for name in split.names])


def _tile(dataset: Dataset, name: str) -> bytes:
    with Image.open(dataset.root / name) as image:
        small = image.convert("RGB").resize(TILE_SIZE, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=QUALITY)
    return buffer.getvalue()
