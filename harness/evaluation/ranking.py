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
"""Gallery rows that share one of the minima which bound what has to be sorted; a multiple of what a register holds."""


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
        ranks, nearest = _rank_one(distances, found.matches[query])
        match_ranks[offsets[query] : offsets[query + 1]] = ranks
        top[query, : len(nearest)] = nearest
    return Ranking(match_ranks, offsets, top)


def _rank_one(
    distances: NDArray[np.floating], matches: NDArray[np.int64]
) -> tuple[NDArray[np.integer], NDArray[np.int64]]:
    """Ascending ranks of the rows ``matches``, and the TOP nearest rows; junk is at infinity.

    Only the rows as near as the limit are sorted. Matches beyond it are ranked by counting what is nearer.
    """
    of_matches = distances[matches]
    limit = _limit(distances, of_matches)
    near = np.flatnonzero(distances <= limit)
    order = np.argsort(distances[near], kind="stable")
    places = np.empty(len(near), np.int64)
    places[order] = np.arange(1, len(near) + 1)
    is_near = of_matches <= limit
    ranks = places[np.searchsorted(near, matches[is_near])]
    if len(ranks) < len(matches):
        ranks = np.append(ranks, [_counted_rank(distances, match) for match in matches[~is_near].tolist()])
    ranks.sort()
    nearest = near[order[:TOP]]
    return ranks, nearest[np.isfinite(distances[nearest])]


def _limit(distances: NDArray[np.floating], of_matches: NDArray[np.floating]) -> float:
    """A distance that at least TOP rows do not exceed and few rows do: where it can be, that of the farthest match.

    The rows are dealt into chunks like cards, row by row. TOP chunks have their minimum at or below the TOP-th smallest
    minimum, so as many rows are; the largest minimum is exceeded by all but some hundred rows (a twentieth at most,
    unless the nearest rows stand at equal intervals).
    """
    chunks = len(distances) // CHUNK
    if chunks < TOP:
        return np.inf
    minima = distances[: chunks * CHUNK].reshape(CHUNK, chunks).min(axis=0)
    minima.sort()
    farthest = of_matches.max(initial=-np.inf)
    return max(minima[TOP - 1], min(minima[-1], farthest))


def _counted_rank(distances: NDArray[np.floating], match: int) -> int:
    """The rank of a row: it counts the rows before it that are no farther, and those after it that are nearer."""
    no_farther = np.count_nonzero(distances[: match + 1] <= distances[match])
    return int(no_farther + np.count_nonzero(distances[match + 1 :] < distances[match]))
