"""ROC curve of verification (do two images show one person?): true positive rate at a false positive rate.

A pair is a query and a gallery image that the protocol ranks for it; it is positive if the image is a match. A pair is
accepted if its distance is at most a threshold. One threshold serves all queries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInput
from harness.evaluation.distance import Metric, distance_blocks, feature_matrix
from harness.evaluation.galleries import Labels
from harness.evaluation.protocols import Protocol, Relevance, check_queries, relevance

FALSE_POSITIVE_RATES = tuple(float(rate) for rate in np.logspace(-6, 0, 25).round(12))
"""Four points per decade, from one false acceptance in a million; 1e-5, 1e-4, 1e-3, 1e-2 and 0.1 are among them."""

BLOCK_QUERIES = 128
"""At MSMT17's 82,161 gallery images, the keys of a block and their counts take 0.3 GB."""

HALF_KEY_VALUES = 1 << 16
"""Number of values of the upper or lower half of a 32-bit key."""


@dataclass(frozen=True, eq=False)
class Roc:
    """A receiver operating characteristic at chosen points; all arrays (P,) float64.

    ``true_positive_rates``: the largest fraction of positive pairs that a threshold accepts, while the accepted
    fraction of negative pairs is at most ``false_positive_rates``. ``positives`` and ``negatives`` count the pairs.
    """

    false_positive_rates: NDArray[np.float64]
    true_positive_rates: NDArray[np.float64]
    positives: int
    negatives: int

    def at(self, false_positive_rate: float) -> float:
        """The true positive rate at one of the points, in 0..1. Raises BadInput if the curve lacks that point."""
        points = np.flatnonzero(self.false_positive_rates == false_positive_rate)
        if not len(points):
            raise BadInput(f"the curve has no point at the false positive rate {false_positive_rate}; ask for it first")
        return float(self.true_positive_rates[points[0]])


def roc(
    query_features: Any,
    gallery_features: Any,
    query_ids: Labels,
    gallery_ids: Labels,
    query_cams: Labels,
    gallery_cams: Labels,
    protocol: Protocol,
    metric: Metric = "cosine",
    false_positive_rates: Sequence[float] = FALSE_POSITIVE_RATES,
    block: int = BLOCK_QUERIES,
) -> Roc:
    """The exact ROC curve on the float32 distances of all pairs. No trials are drawn: all pairs count.

    The thresholds are order statistics of the negative distances. Two passes find them by counting the upper, then the
    lower halves of keys. Memory holds one block of distances, the positive pairs, and 65,536 counts per point.

    Args:
        query_features: Query features (Q, D).
        gallery_features: Gallery features (G, D).
        query_ids: Identities of the queries (Q,).
        gallery_ids: Identities of the gallery images (G,).
        query_cams: Cameras of the queries (Q,).
        gallery_cams: Cameras of the gallery images (G,).
        protocol: Decides which pairs count.
        metric: ``cosine`` or ``euclidean``.
        false_positive_rates: The points of the curve, in 0..1.
        block: Queries per block; the result does not depend on it.

    Raises:
        BadInput: As for ``score``; also for a rate outside 0..1, or without any negative pair.
    """
    rates = np.asarray(false_positive_rates, np.float64)
    if rates.ndim != 1 or not len(rates) or not np.all((rates >= 0) & (rates <= 1)):
        raise BadInput("false positive rates must be a list of numbers between 0 and 1")
    labels = (query_ids, query_cams, gallery_ids, gallery_cams)
    check_queries([f"query {row}" for row in range(len(query_ids))], *labels, protocol)
    found = relevance(*labels, protocol)

    def pairs() -> Iterator[tuple[Keys, Keys]]:
        blocks = distance_blocks(query_features, gallery_features, metric, block)
        return _pairs(_distances_across_queries(blocks, query_features, metric), found)

    positives, upper = _positives_and_upper_halves(pairs())
    negatives = int(upper.sum())
    if not negatives:
        raise BadInput("the protocol leaves no pair of different people, so there is no false positive rate")
    # At most k negatives may be accepted, so the threshold lies below the (k + 1)-th nearest negative.
    allowed = np.floor(rates * negatives + 1e-9).astype(np.int64)
    bounds = _order_statistics(pairs(), upper, np.minimum(allowed, negatives - 1))
    accepted = np.searchsorted(positives, bounds, side="left")
    accepted[allowed >= negatives] = len(positives)
    return Roc(rates, accepted / len(positives), len(positives), negatives)


Keys = NDArray[np.uint32]


def _distances_across_queries(
    blocks: Iterable[NDArray[np.float32]], query_features: Any, metric: Metric
) -> Iterator[NDArray[np.float32]]:
    """Add half the squared norm of each query, which ``distance_blocks`` leaves out, to compare across queries."""
    if metric == "cosine":
        yield from blocks
        return
    query = feature_matrix(query_features, "query features")
    halves = (query.square().sum(dim=1) / 2).cpu().numpy()
    start = 0
    for distances in blocks:
        yield distances + halves[start : start + len(distances), None]
        start += len(distances)


def _pairs(blocks: Iterable[NDArray[np.float32]], found: Relevance) -> Iterator[tuple[Keys, Keys]]:
    """Yield the keys of the positive and of the negative pairs of each block."""
    start = 0
    for distances in blocks:
        keys = _keys(distances)
        negative = np.ones(keys.shape, bool)
        negative[:, found.junk_for_all] = False
        matches = []
        for row in range(len(keys)):
            negative[row, found.matches[start + row]] = False
            negative[row, found.junk[start + row]] = False
            matches.append(keys[row, found.matches[start + row]])
        yield np.concatenate(matches), keys[negative]
        start += len(keys)


def _keys(distances: NDArray[np.float32]) -> Keys:
    """Whole numbers that sort like the float32 distances: their bits, inverted for negative distances."""
    bits = (distances + np.float32(0)).view(np.uint32)  # -0 becomes 0, which equals it
    return np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))


def _positives_and_upper_halves(pairs: Iterable[tuple[Keys, Keys]]) -> tuple[Keys, NDArray[np.int64]]:
    """All positive keys, ascending, and the number of negative keys per upper half (65,536,)."""
    upper = np.zeros(HALF_KEY_VALUES, np.int64)
    positives = []
    for positive, negative in pairs:
        positives.append(positive)
        upper += np.bincount(negative >> 16, minlength=HALF_KEY_VALUES)
    return np.sort(np.concatenate(positives)), upper


def _order_statistics(pairs: Iterable[tuple[Keys, Keys]], upper: NDArray[np.int64], places: NDArray[np.int64]) -> Keys:
    """The negative keys at ``places``, from 0, in ascending order of all negative keys."""
    up_to = np.cumsum(upper)
    halves = np.searchsorted(up_to, places, side="right")
    wanted, column = np.unique(halves, return_inverse=True)
    row_of_half = np.full(HALF_KEY_VALUES, -1, np.int32)
    row_of_half[wanted] = np.arange(len(wanted), dtype=np.int32)
    lower = np.zeros((len(wanted), HALF_KEY_VALUES), np.int64)
    for _, negative in pairs:
        rows = row_of_half[negative >> 16]
        inside = rows >= 0
        places_in_table = rows[inside].astype(np.int64) * HALF_KEY_VALUES + (negative[inside] & (HALF_KEY_VALUES - 1))
        lower += np.bincount(places_in_table, minlength=lower.size).reshape(lower.shape)
    remaining = places - (up_to[halves] - upper[halves])
    low = [
        np.searchsorted(np.cumsum(lower[row]), rest, side="right") for row, rest in zip(column, remaining, strict=True)
    ]
    return (halves.astype(np.uint32) << np.uint32(16)) | np.array(low, np.uint32)
