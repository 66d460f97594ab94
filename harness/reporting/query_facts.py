"""Groups of queries by what is known of them, in words: occlusion, box, view, camera."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from harness.results.album import Album, Fact

MOST_CAMERAS = 12
"""More cameras than this make no groups: each would hold few queries."""

TITLES: dict[Fact, str] = {
    "light": "light",
    "occlusion": "occlusion",
    "box": "box",
    "view": "view",
    "bag": "bag",
    "clothes": "clothes",
}
WORDS: dict[Fact, dict[str, str]] = {
    "light": {"infrared": "taken in the infrared", "visible": "taken in visible light"},
    "occlusion": {"body": "body occluded", "legs": "legs occluded", "none": "not occluded"},
    "box": {
        "head_cut": "head cut off",
        "feet_cut": "feet cut off",
        "off_centre": "off the middle of the box",
        "good": "whole in the box",
    },
    "view": {"front": "seen from the front", "back": "seen from the back", "side": "seen from the side"},
    "bag": {"none": "without a bag"},
    "clothes": {},
}
"""Words of the values that need some; a bag or a garment is called by its name."""


class FactData(TypedDict):
    """One fact for the page's script: ``of_query`` holds a place in ``values`` per query."""

    title: str
    values: list[str]
    of_query: list[int]


def fact_data(album: Album | None, cameras: NDArray[np.int64]) -> list[FactData]:
    """The facts that part the queries into at least two groups. Their cameras (Q,) are known without an album."""
    facts = [
        _fact(TITLES[fact], values, {value: WORDS[fact].get(value, f"with {value}") for value in np.unique(values)})
        for fact, values in (album.facts.items() if album else ())
    ]
    numbers = np.unique(cameras).tolist()
    if len(numbers) <= MOST_CAMERAS:
        facts.append(_fact("camera", cameras, {number: f"camera {number}" for number in numbers}))
    return [fact for fact in facts if len(fact["values"]) > 1]


def _fact(title: str, values: NDArray[np.generic], words: dict[str, str] | dict[int, str]) -> FactData:
    kinds, of_query = np.unique(values, return_inverse=True)
    return {"title": title, "values": [words[kind] for kind in kinds.tolist()], "of_query": of_query.tolist()}
