"""Confidence intervals: how far a metric would move with other queries or other people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInput
from harness.evaluation.bootstrap import DRAWS, cluster_sums, percentile_interval, resampled_counts
from harness.evaluation.interval import Interval
from harness.evaluation.metrics import RANK_METRICS, Scores

INTERVAL_METRICS = ("map", *RANK_METRICS, "minp")


def intervals(scores: Scores, query_ids: NDArray[np.int64], seed: int = 0, draws: int = DRAWS) -> dict[str, Interval]:
    """95 % percentile bootstrap intervals of each of ``INTERVAL_METRICS``, in percent.

    ``by_query`` draws the valid queries as if they were independent. ``by_identity`` draws identities, each with all of
    its queries. The queries of one person are easy or hard together, so ``by_identity`` is wider and is the better
    estimate for other people. Neither covers the noise of the training seed.

    Args:
        scores: The scores of Q queries.
        query_ids: Identity of each query (Q,).
        seed: Seed of the bootstrap.
        draws: Number of bootstrap draws.

    Returns:
        ``{metric: {"by_query": [low, high], "by_identity": [low, high]}}``.

    Raises:
        BadInput: ``query_ids`` does not hold one identity per query.
    """
    if len(query_ids) != len(scores.valid):
        raise BadInput(
            f"query_ids holds {len(query_ids)} identities for {len(scores.valid)} queries; give one per query"
        )
    values = np.stack([scores.per_query(metric)[scores.valid] for metric in INTERVAL_METRICS], axis=1)
    clusters = {"by_query": np.arange(len(values)), "by_identity": query_ids[scores.valid]}
    bounds = {}
    for kind, members in clusters.items():
        sums, sizes = cluster_sums(values, members)
        blocks = resampled_counts(len(sizes), draws, np.random.default_rng(seed))
        means = np.concatenate([(counts @ sums) / (counts @ sizes)[:, None] for counts in blocks])
        bounds[kind] = percentile_interval(100 * means).T.tolist()
    pairs = zip(INTERVAL_METRICS, bounds["by_query"], bounds["by_identity"], strict=True)
    return {metric: {"by_query": of_queries, "by_identity": of_people} for metric, of_queries, of_people in pairs}
