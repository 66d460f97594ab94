"""The features of some people in two dimensions, by principal components."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

MOST_IMAGES = 400
"""Images on a map, but for the rest of the last person; people are left out evenly where there are more."""
SIDE = 1000
"""Length of the map's longer side."""


class MapData(TypedDict):
    """Places of the images on a map of one training. ``variance`` is the percentage that the two directions hold."""

    x: list[int]
    y: list[int]
    variance: float


def mapped_rows(identities: NDArray[np.int64], queries: int) -> NDArray[np.int64]:
    """Rows of queries and gallery (Q + G,) that are on the map: all images of people evenly chosen among the queries'.

    Args:
        identities: Identities of the queries, then of the gallery images.
        queries: Q, the number of queries.
    """
    people = np.unique(identities[:queries])
    images = np.array([np.count_nonzero(identities == person) for person in people])
    every = max(1, int(np.ceil(images.sum() / MOST_IMAGES)))
    return np.flatnonzero(np.isin(identities, people[::every]))


def embedding_map(features: NDArray[np.float32]) -> MapData:
    """Project features (N, D) on their two main directions. Each direction points to its farther side."""
    centred = features - features.mean(axis=0)
    left, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    places = left[:, :2] * lengths[:2]
    if places.shape[1] < 2:
        places = np.pad(places, ((0, 0), (0, 2 - places.shape[1])))
    farther = np.where(places.max(axis=0) >= -places.min(axis=0), 1, -1)
    places = places * farther
    places -= places.min(axis=0)
    scaled = np.rint(places * (SIDE / max(float(places.max()), 1e-12))).astype(int)
    total = float((lengths**2).sum())
    variance = 100 * float((lengths[:2] ** 2).sum()) / total if total > 0 else 0.0
    return {"x": scaled[:, 0].tolist(), "y": scaled[:, 1].tolist(), "variance": round(variance, 1)}
