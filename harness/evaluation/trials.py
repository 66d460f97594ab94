"""Scores of protocols with several galleries, or with a CMC over identities.

A trial ranks one image per person and camera (301 images in SYSU-MM01). Its gallery is so small that it is sorted
whole, unlike in ``harness.evaluation.ranking``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness.evaluation.distance import Metric, checked_features, distance_blocks
from harness.evaluation.galleries import Labels
from harness.evaluation.metrics import Scores
from harness.evaluation.protocols import Protocol, Relevance, relevance
from harness.evaluation.ranking import TOP_ROWS, Ranking


def trial_galleries(rule: Protocol, gallery_ids: Labels, gallery_cams: Labels) -> tuple[Labels, ...]:
    """The gallery rows that each trial ranks. A protocol without draws has one trial, with all rows that it ranks."""
    ranked = np.flatnonzero(~rule.left_out(gallery_ids, gallery_cams))
    if rule.draw is None:
        return (ranked,)
    return tuple(ranked[rows] for rows in rule.draw(gallery_ids[ranked], gallery_cams[ranked]))


def score_trials(
    query_features: Any,
    gallery_features: Any,
    query_ids: Labels,
    query_cams: Labels,
    gallery_ids: Labels,
    gallery_cams: Labels,
    rule: Protocol,
    metric: Metric = "cosine",
) -> Scores:
    """Means over the trials of ``rule``, for labels that ``check_queries`` accepted; ``top`` is from the first trial.

    At equal distance the image that the draw names first ranks first.

    Args:
        query_features: Query features (Q, D).
        gallery_features: Gallery features (G, D).
        query_ids: Identities of the queries (Q,).
        query_cams: Cameras of the queries (Q,).
        gallery_ids: Identities of the gallery images (G,).
        gallery_cams: Cameras of the gallery images (G,).
        rule: The protocol.
        metric: ``cosine`` or ``euclidean``.

    Raises:
        BadInput: As for ``score``; also when the queries with a match differ between trials.
    """
    query, gallery = checked_features(query_features, gallery_features)
    rankings, first_ranks = [], []
    for rows in trial_galleries(rule, gallery_ids, gallery_cams):
        found = relevance(query_ids, query_cams, gallery_ids[rows], gallery_cams[rows], rule)
        shown = gallery[torch.from_numpy(rows).to(gallery.device)]
        positions = _positions(distance_blocks(query, shown, metric), found)
        ranking = _ranking(positions, found, rows)
        rankings.append(ranking)
        if rule.identity_cmc:
            first_ranks.append(_identity_ranks(positions, ranking, query_ids, gallery_ids[rows]))
    return Scores.of(_concatenated(rankings), len(rankings), np.concatenate(first_ranks) if rule.identity_cmc else None)


def _positions(blocks: Iterable[NDArray[np.floating]], found: Relevance) -> NDArray[np.int32]:
    """The position of each gallery row, sorted by distance, from 0, per query (Q, G). Junk comes last."""
    places = []
    query = 0
    for block in blocks:
        distances = block.copy()
        for row in range(len(distances)):
            distances[row, found.junk[query]] = np.inf
            query += 1
        order = np.argsort(distances, axis=1, kind="stable")
        position = np.empty(order.shape, np.int32)
        np.put_along_axis(position, order, np.arange(order.shape[1], dtype=np.int32)[None], axis=1)
        places.append(position)
    return np.concatenate(places)


def _ranking(positions: NDArray[np.int32], found: Relevance, rows: Labels) -> Ranking:
    """The ranks of the matches; ``top`` holds ``rows`` of the whole gallery."""
    matches = found.matches
    of_query = np.repeat(np.arange(len(positions)), matches.lengths)
    ranks = positions[of_query, matches.rows] + 1
    nearest = np.argsort(positions, axis=1)[:, :TOP_ROWS]
    ranked = (len(rows) - found.junk.lengths)[:, None]
    top = np.full((len(positions), TOP_ROWS), -1, np.int32)
    top[:, : nearest.shape[1]] = np.where(np.arange(nearest.shape[1]) < ranked, rows[nearest], -1)
    return Ranking(ranks[np.lexsort((ranks, of_query))].astype(np.int32), matches.offsets, top)


def _identity_ranks(
    positions: NDArray[np.int32], ranking: Ranking, query_ids: Labels, gallery_ids: Labels
) -> NDArray[np.int32]:
    """Number of distinct identities up to the first match of each query (Q,), 0 without a match."""
    by_identity = np.argsort(gallery_ids, kind="stable")
    identities, starts = np.unique(gallery_ids[by_identity], return_index=True)
    # Position at which each identity first appears. If all its images are junk for a query, it comes last.
    appears = np.minimum.reduceat(positions[:, by_identity], starts, axis=1)
    column = np.minimum(np.searchsorted(identities, query_ids), len(identities) - 1)
    own = np.take_along_axis(appears, column[:, None], axis=1)
    ranks = 1 + np.count_nonzero(appears < own, axis=1)
    return np.where(np.diff(ranking.offsets) > 0, ranks, 0).astype(np.int32)


def _concatenated(rankings: Sequence[Ranking]) -> Ranking:
    """Concatenate the queries of all trials; ``top`` is from the first trial."""
    lengths = np.concatenate([np.diff(ranking.offsets) for ranking in rankings])
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Ranking(np.concatenate([ranking.match_ranks for ranking in rankings]), offsets, rankings[0].top)
