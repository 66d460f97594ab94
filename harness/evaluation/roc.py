"""Verification: are two images of one person? True positive rate at a false positive rate, over all pairs.

A pair is a query and a gallery image that the protocol ranks for it: a positive one when it is a match. It is accepted
when its distance is at most a threshold, one threshold for all queries.
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
"""Four a decade, from one false acceptance in a million: a curve; 1e-5, 1e-4, 1e-3, 1e-2 and 0.1 are among them."""

BLOCK = 128
"""Queries a block: at MSMT17's 82,161 gallery images the keys of a block and what is counted in them are 0.3 GB."""

HALF = 1 << 16
"""Values of half of a 32-bit key."""


@dataclass(frozen=True, eq=False)
class Roc:
    """A receiver operating characteristic at chosen points; all arrays (P,) float64.

    ``true_positive_rates`` is the largest share of positive pairs that a threshold accepts while the share of negative
    ones is at most ``false_positive_rates``. ``positives`` and ``negatives`` are how many pairs there are.
    """

    false_positive_rates: NDArray[np.float64]
    true_positive_rates: NDArray[np.float64]
    positives: int
    negatives: int

    def at(self, false_positive_rate: float) -> float:
        """The true positive rate at one of the points, in 0..1. Raises BadInput for another false positive rate."""
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
    block: int = BLOCK,
) -> Roc:
    """The exact curve on the float32 distances of all pairs; a protocol's trials are not drawn, all pairs count.

    The thresholds are order statistics of the negative distances, found by counting keys half by half in two passes, so
    that the memory is that of a block of distances, the positives, and 65,536 counts a point. Arguments as those of
    ``score``. Raises BadInput as ``score`` does, for a rate outside 0..1, and when there is no negative pair.
    """
    rates = np.asarray(false_positive_rates, np.float64)
    if rates.ndim != 1 or not len(rates) or not np.all((rates >= 0) & (rates <= 1)):
        raise BadInput("false positive rates must be a list of numbers between 0 and 1")
    labels = (query_ids, query_cams, gallery_ids, gallery_cams)
    check_queries([f"query {row}" for row in range(len(query_ids))], *labels, protocol)
    found = relevance(*labels, protocol)

    def pairs() -> Iterator[tuple[Keys, Keys]]:
        blocks = distance_blocks(query_features, gallery_features, metric, block)
        return _pairs(_comparable(blocks, query_features, metric), found)

    positives, upper = _positives_and_upper_halves(pairs())
    negatives = int(upper.sum())
    if not negatives:
        raise BadInput("no pair of different people is left by the protocol, so there is no false positive rate")
    # Up to k negatives may be accepted, so the threshold lies below the (k + 1)-th nearest one, k counted from 0.
    allowed = np.floor(rates * negatives + 1e-9).astype(np.int64)
    bounds = _order_statistics(pairs(), upper, np.minimum(allowed, negatives - 1))
    accepted = np.searchsorted(positives, bounds, side="left")
    accepted[allowed >= negatives] = len(positives)
    return Roc(rates, accepted / len(positives), len(positives), negatives)


Keys = NDArray[np.uint32]


def _comparable(
    blocks: Iterable[NDArray[np.float32]], query_features: Any, metric: Metric
) -> Iterator[NDArray[np.float32]]:
    """Distances that compare across queries: ``distance_blocks`` leaves out half the squared norm of the query."""
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
    """The keys of the positive and of the negative pairs of each block."""
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
    """Whole numbers in the order of the float32 distances: their bits, negative ones turned over."""
    bits = (distances + np.float32(0)).view(np.uint32)  # -0 becomes 0, its equal
    return np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))


def _positives_and_upper_halves(pairs: Iterable[tuple[Keys, Keys]]) -> tuple[Keys, NDArray[np.int64]]:
    """All positive keys, ascending, and how many negative keys have each upper half (65,536)."""
    upper = np.zeros(HALF, np.int64)
    positives = []
    for positive, negative in pairs:
        positives.append(positive)
        upper += np.bincount(negative >> 16, minlength=HALF)
    return np.sort(np.concatenate(positives)), upper


def _order_statistics(pairs: Iterable[tuple[Keys, Keys]], upper: NDArray[np.int64], places: NDArray[np.int64]) -> Keys:
    """The negative keys that stand at ``places``, from 0, among all of them in order."""
    up_to = np.cumsum(upper)
    halves = np.searchsorted(up_to, places, side="right")
    wanted, column = np.unique(halves, return_inverse=True)
    row_of_half = np.full(HALF, -1, np.int32)
    row_of_half[wanted] = np.arange(len(wanted), dtype=np.int32)
    lower = np.zeros((len(wanted), HALF), np.int64)
    for _, negative in pairs:
        rows = row_of_half[negative >> 16]
        inside = rows >= 0
        places_in_table = rows[inside].astype(np.int64) * HALF + (negative[inside] & (HALF - 1))
        lower += np.bincount(places_in_table, minlength=lower.size).reshape(lower.shape)
    remaining = places - (up_to[halves] - upper[halves])
    low = [
        np.searchsorted(np.cumsum(lower[row]), rest, side="right") for row, rest in zip(column, remaining, strict=True)
    ]
    return (halves.astype(np.uint32) << np.uint32(16)) | np.array(low, np.uint32)
