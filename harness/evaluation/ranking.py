"""From distances to ranks, without sorting the gallery: every metric needs only the ranks of the matches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.evaluation.protocols import Relevance

TOP_ROWS = 10
"""Nearest gallery rows kept per query, for ranking strips."""

CHUNK_ROWS = 128
"""Gallery rows per chunk; the minimum of each chunk bounds the rows to sort. A multiple of a vector register's size."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """The ranks of the matches of each query.

    ``match_ranks`` (M,) int32: ranks of all matches, from 1, without junk; query q has
    ``match_ranks[offsets[q]:offsets[q + 1]]``, ascending. ``offsets`` (Q + 1,) int64. ``top`` (Q, 10) int32: the
    nearest gallery rows, without junk, filled with -1.
    """

    match_ranks: NDArray[np.int32]
    offsets: NDArray[np.int64]
    top: NDArray[np.int32]


def rank(blocks: Iterable[NDArray[np.floating]], found: Relevance) -> Ranking:
    """Rank the gallery for each query. ``blocks`` are the rows of the (Q, G) distances, in order, without NaN.

    At equal distance the earlier gallery image ranks first, so the result equals a full stable sort by distance.
    """
    offsets = found.matches.offsets
    match_ranks = np.empty(len(found.matches.rows), np.int32)
    top = np.full((len(offsets) - 1, TOP_ROWS), -1, np.int32)
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
    """Ascending ranks of the rows ``matches``, and the TOP_ROWS nearest rows; junk is at infinity.

    Only the rows within the limit are sorted. Matches beyond it are ranked by counting nearer rows.
    """
    of_matches = distances[matches]
    limit = _sorting_limit(distances, of_matches)
    near = np.flatnonzero(distances <= limit)
    order = np.argsort(distances[near], kind="stable")
    places = np.empty(len(near), np.int64)
    places[order] = np.arange(1, len(near) + 1)
    is_near = of_matches <= limit
    ranks = places[np.searchsorted(near, matches[is_near])]
    if len(ranks) < len(matches):
        ranks = np.append(ranks, [_counted_rank(distances, match) for match in matches[~is_near].tolist()])
    ranks.sort()
    nearest = near[order[:TOP_ROWS]]
    return ranks, nearest[np.isfinite(distances[nearest])]


def _sorting_limit(distances: NDArray[np.floating], of_matches: NDArray[np.floating]) -> float:
    """A distance that at least TOP_ROWS rows do not exceed, and that few rows stay below: ideally the farthest match.

    Rows go to chunks in turn, as cards are dealt. TOP_ROWS chunks have a minimum at or below the TOP_ROWS-th smallest
    minimum, hence at least TOP_ROWS rows do. All but some hundred rows exceed the largest minimum (at most a twentieth
    does not, unless the nearest rows follow at equal intervals).
    """
    chunks = len(distances) // CHUNK_ROWS
    if chunks < TOP_ROWS:
        return np.inf
    minima = distances[: chunks * CHUNK_ROWS].reshape(CHUNK_ROWS, chunks).min(axis=0)
    minima.sort()
    farthest = of_matches.max(initial=-np.inf)
    return max(minima[TOP_ROWS - 1], min(minima[-1], farthest))


def _counted_rank(distances: NDArray[np.floating], match: int) -> int:
    """The rank of a row: count earlier rows that are no farther, and later rows that are nearer."""
    no_farther = np.count_nonzero(distances[: match + 1] <= distances[match])
    return int(no_farther + np.count_nonzero(distances[match + 1 :] < distances[match]))
