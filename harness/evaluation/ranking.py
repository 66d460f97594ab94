"""Distances to ranks, without sorting the gallery: only the ranks of the matches are needed for every metric."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.evaluation.protocols import Relevance

TOP = 10
"""Nearest gallery rows kept for each query, for ranking strips."""

CHUNK = 128


@dataclass(frozen=True, eq=False)
class Ranking:
    """Where the matches of each query stand.

    ``match_ranks`` (M,) int32: ranks of all matches, from 1, junk left out; those of query q are
    ``match_ranks[offsets[q]:offsets[q + 1]]``, ascending. ``offsets`` (Q + 1,) int64. ``top`` (Q, 10) int32: the
    nearest gallery rows, junk left out, -1 where there are fewer.
    """

    match_ranks: NDArray[np.int32]
    offsets: NDArray[np.int64]
    top: NDArray[np.int32]


def rank(blocks: Iterable[NDArray[np.floating]], found: Relevance) -> Ranking:
    """Ranks the gallery for each query. ``blocks`` are the rows of the (Q, G) distances, in order, none of them NaN.

    Of two gallery images at equal distance the one that stands first in the gallery ranks first, so the result equals
    that of a full stable sort by distance.
    """
    offsets = found.matches.offsets
    match_ranks = np.empty(len(found.matches.rows), np.int32)
    top = np.full((len(offsets) - 1, TOP), -1, np.int32)
    rows = (row for block in blocks for row in block)
    for query, row in zip(range(len(offsets) - 1), rows, strict=True):
        distances = row.copy()
        distances[found.junk_for_all] = np.inf
        distances[found.junk[query]] = np.inf
        match_ranks[offsets[query] : offsets[query + 1]] = _ranks_of(distances, found.matches[query])
        nearest = _nearest(distances)
        top[query, : len(nearest)] = nearest
    return Ranking(match_ranks, offsets, top)


def _ranks_of(distances: NDArray[np.floating], matches: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ascending ranks of the rows ``matches``: each counts the rows before it that are no farther, and those after it
    that are nearer."""
    ranks = [
        np.count_nonzero(distances[: match + 1] <= distances[match])
        + np.count_nonzero(distances[match + 1 :] < distances[match])
        for match in matches.tolist()
    ]
    return np.sort(np.asarray(ranks, np.int64))


def _nearest(distances: NDArray[np.floating]) -> NDArray[np.int64]:
    """The rows of the TOP smallest finite distances, nearest first, ties by row.

    TOP chunks have their minimum at or below the TOP-th smallest minimum, so at least TOP rows are at or below it, and
    the rows wanted are among them; sorting that handful takes a tenth of the time of a partial sort of the gallery.
    """
    chunks = len(distances) // CHUNK
    if chunks < TOP:
        rows = np.arange(len(distances))
    else:
        minima = distances[: chunks * CHUNK].reshape(chunks, CHUNK).min(axis=1)
        rows = np.flatnonzero(distances <= np.partition(minima, TOP - 1)[TOP - 1])
    rows = rows[np.isfinite(distances[rows])]
    return rows[np.argsort(distances[rows], kind="stable")[:TOP]]
