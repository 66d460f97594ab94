"""Ranking strips: a query and its first ten gallery images, right and wrong told apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInput
from harness.reporting.sprites import Sprite, sprite
from harness.results.record import DoneRecord
from harness.results.stored import StoredArrays

HEADINGS = {"best": "Best queries", "median": "Median queries", "worst": "Worst queries"}
ARRAYS = ("kind", "gallery", "right", "query_names", "gallery_names", "average_precision")


@dataclass(frozen=True)
class Match:
    """One gallery image at its rank; junk is never ranked."""

    rank: int
    name: str
    right: bool


@dataclass(frozen=True)
class Strip:
    """One query with its ranked list. ``average_precision`` is in percent; ``sprite`` holds the query first."""

    query: str
    average_precision: float
    matches: tuple[Match, ...]
    sprite: Sprite | None

    @property
    def description(self) -> str:
        """The list in words, for readers who do not see the picture."""
        right = [str(match.rank) for match in self.matches if match.right]
        found = f"right at rank {', '.join(right)}" if right else "no right match"
        return f"Query {self.query} and its first {len(self.matches)} gallery images: {found}."


@dataclass(frozen=True)
class RankedLists:
    """The strips of one record under their headings; ``remark`` says why there are none."""

    sections: tuple[tuple[str, tuple[Strip, ...]], ...]
    remark: str = ""


def ranked_lists(record: DoneRecord, stored: StoredArrays, show_images: bool) -> RankedLists:
    """The best, median and worst queries of a record. Without ``show_images`` only file names are given."""
    try:
        arrays = stored.read(record, "strips", ARRAYS, ("images",) if show_images else ())
    except BadInput as error:
        return RankedLists((), stored.on_page(error))
    strips = [(str(kind), _strip(arrays, number)) for number, kind in enumerate(arrays["kind"])]
    sections = ((title, tuple(strip for of, strip in strips if of == kind)) for kind, title in HEADINGS.items())
    return RankedLists(tuple((title, found) for title, found in sections if found))


def _strip(arrays: dict[str, NDArray[Any]], number: int) -> Strip:
    present = np.flatnonzero(arrays["gallery"][number] >= 0)
    matches = tuple(
        Match(int(place) + 1, _base(arrays["gallery_names"][number, place]), bool(arrays["right"][number, place]))
        for place in present
    )
    tiles = arrays["images"][number, [0, *(present + 1)]] if "images" in arrays else None
    return Strip(
        _base(arrays["query_names"][number]),
        100 * float(arrays["average_precision"][number]),
        matches,
        None if tiles is None else sprite(tiles),
    )


def _base(name: Any) -> str:
    return PurePosixPath(str(name)).name
