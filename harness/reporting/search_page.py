"""The page of a search: each query with the gallery images most like it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.reporting.sprites import TILE_WIDTH, Sprite, sprite
from harness.reporting.templating import environment
from harness.results.found import FoundImage, SearchedQuery, SearchResult

SHOWN_QUERIES = 100
"""Queries on a page: some 10 kB each. The JSON file has all of them."""
TILE = (TILE_WIDTH, 2 * TILE_WIDTH)


@dataclass(frozen=True)
class FoundStrip:
    """One query with what was found, and the pictures of both, the query's first."""

    query: str
    found: list[FoundImage]
    sprite: Sprite

    @property
    def description(self) -> str:
        """The strip in words, for readers who do not see the picture."""
        names = ", ".join(each["image"] for each in self.found)
        return f"Query {self.query} and the {len(self.found)} gallery images most like it: {names}."


def search_page(result: SearchResult) -> str:
    """The text of the page. Thumbnails are read from the image files and embedded."""
    shown = result["queries"][:SHOWN_QUERIES]
    return (
        environment()
        .get_template("search.html")
        .render(
            result=result,
            strips=[_strip(query, Path(result["gallery"])) for query in shown],
            left_out=len(result["queries"]) - len(shown),
            live=False,
        )
    )


def _strip(query: SearchedQuery, gallery: Path) -> FoundStrip:
    files = [Path(query["query"]), *(gallery / each["image"] for each in query["found"])]
    return FoundStrip(Path(query["query"]).name, query["found"], sprite(np.stack([_tile(file) for file in files])))


def _tile(file: Path) -> NDArray[np.uint8]:
    """A thumbnail (2 W, W, 3), twice as high as wide, whatever the image's shape: people stand upright."""
    with Image.open(file) as image:
        image.draft("RGB", TILE)
        return np.asarray(image.convert("RGB").resize(TILE, Image.Resampling.BICUBIC))
