"""From distances to ranks, without sorting the gallery's rows: every metric needs only the ranks of the matches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.evaluation.protocols import Relevance

TOP_ROWS = 10
"""Nearest gallery rows kept per query, for ranking strips."""


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
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ascending ranks of the rows ``matches``, and the TOP_ROWS nearest rows; junk is at infinity.

    Only values are sorted, and only those up to the farthest match: sorting rows by value would take ten times as long.
    """
    of_matches = distances[matches]
    near = np.flatnonzero(distances <= of_matches.max(initial=-np.inf))
    if len(near) < TOP_ROWS:
        last = min(TOP_ROWS, len(distances)) - 1
        near = np.flatnonzero(distances <= np.partition(distances, last)[last])
    values = distances[near]
    ascending = np.sort(values)
    ranks = ascending.searchsorted(of_matches, side="right")
    # Where the value before is the same, later rows of that value were counted too. (Before rank 1 stands the last
    # value: a match alone at rank 1 may be taken for tied, and no row is counted off.)
    for tied in np.flatnonzero(ascending[ranks - 2] == of_matches):
        ranks[tied] -= np.count_nonzero(distances[matches[tied] + 1 :] == of_matches[tied])
    ranks.sort()
    among = np.flatnonzero(values <= ascending[:TOP_ROWS][-1])
    nearest = near[among[np.argsort(values[among], kind="stable")[:TOP_ROWS]]]
    return ranks, nearest[np.isfinite(distances[nearest])]
