"""From ranks of matches to metrics: average precision in both forms, CMC, mINP."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInput, unknown_name_error
from harness.evaluation.ranking import Ranking
from harness.files.arrays import DAMAGED_ARRAYS

CMC_RANKS = 50

RANK_METRICS = {"rank1": 1, "rank3": 3, "rank5": 5, "rank10": 10, "rank20": 20}

METRICS = ("map", *RANK_METRICS, "minp", "map_trapezoid")


@dataclass(frozen=True, eq=False)
class Scores:
    """All results of one evaluation, per query.

    Attributes:
        match_ranks: Ranks of all matches, as in ``Ranking``. With T > 1 trials the queries of the first trial come
            first, then the queries of the second, and so on.
        offsets: (T * Q + 1,), as in ``Ranking``.
        top: As in ``Ranking``, from the first trial.
        first_ranks: (T * Q,) int32, the rank of the first match as CMC counts it: among the images, or among the
            distinct identities if the protocol says so; 0 without a match. All other results follow from these.
        trials: T, the number of trials. All results below are means over the trials.
        valid: (Q,) bool, whether the query has a match. Only such queries count; the next three, (Q,) float64 in 0..1,
            are NaN for all others.
        average_precision: Mean over the matches of i / rank_i (step form, as in the code of most papers).
        average_precision_trapezoid: Trapezoid rule under the precision-recall curve, as in Market-1501's Matlab code.
        inverse_negative_penalty: Number of matches / rank of the last match (Ye et al., "Deep Learning for Person
            Re-identification: A Survey and Outlook", TPAMI 2021).
        cmc: (50,) float64, percent of valid queries with a match at rank k or before, k from 1.
    """

    match_ranks: NDArray[np.int32]
    offsets: NDArray[np.int64]
    top: NDArray[np.int32]
    first_ranks: NDArray[np.int32]
    trials: int
    valid: NDArray[np.bool_]
    average_precision: NDArray[np.float64]
    average_precision_trapezoid: NDArray[np.float64]
    inverse_negative_penalty: NDArray[np.float64]
    cmc: NDArray[np.float64]

    @classmethod
    def of(cls, ranking: Ranking, trials: int = 1, first_ranks: NDArray[np.int32] | None = None) -> Scores:
        """Compute the scores of a ranking, which holds all ``trials`` one after another.

        ``first_ranks`` are as above, by default among images. Raises BadInput when the ranks are impossible, when no
        query has a match, or when the queries with a match differ between trials.
        """
        ranks, offsets = ranking.match_ranks, ranking.offsets
        _check_ranks(ranks, offsets)
        counts = np.diff(offsets)
        matched = counts > 0
        valid = _same_in_every_trial(matched, trials)
        of_query = np.repeat(np.arange(len(counts)), counts)
        found = np.arange(1, len(ranks) + 1) - offsets[of_query]  # i: number of matches at this rank or before
        precision = found / ranks
        # Precision one rank before the match. The Matlab code starts with precision 1 at recall 0.
        before = np.where(ranks > 1, (found - 1) / np.maximum(ranks - 1, 1), 1.0)
        penalty = np.full(len(counts), np.nan)
        penalty[matched] = counts[matched] / ranks[offsets[1:][matched] - 1]
        of_images = np.zeros(len(counts), np.int32)
        of_images[matched] = ranks[offsets[:-1][matched]]
        first_ranks = of_images if first_ranks is None else first_ranks
        return cls(
            match_ranks=ranks,
            offsets=offsets,
            top=ranking.top,
            first_ranks=first_ranks,
            trials=trials,
            valid=valid,
            average_precision=_mean_over_trials(_mean_by_query(precision, of_query, counts), trials),
            average_precision_trapezoid=_mean_over_trials(
                _mean_by_query((before + precision) / 2, of_query, counts), trials
            ),
            inverse_negative_penalty=_mean_over_trials(penalty, trials),
            cmc=100 * (first_ranks[matched][:, None] <= np.arange(1, CMC_RANKS + 1)).mean(axis=0),
        )

    def per_query(self, metric: str) -> NDArray[np.float64]:
        """One of ``METRICS`` per query (Q,), in 0..1, NaN where the query has no match.

        A rank metric is the fraction of trials (0 or 1 for one trial) with a match at that rank or before. Raises
        BadInput for an unknown metric.
        """
        if metric == "map":
            return self.average_precision
        if metric == "map_trapezoid":
            return self.average_precision_trapezoid
        if metric == "minp":
            return self.inverse_negative_penalty
        if metric not in RANK_METRICS:
            raise unknown_name_error("metric", metric, METRICS)
        hits = _mean_over_trials((self.first_ranks <= RANK_METRICS[metric]).astype(np.float64), self.trials)
        return np.where(self.valid, hits, np.nan)

    @property
    def metrics(self) -> dict[str, float]:
        """``METRICS`` in percent, as means over the valid queries, and the counts ``queries`` (valid or not) and
        ``queries_without_match``."""
        means = {metric: 100 * float(self.per_query(metric)[self.valid].mean()) for metric in METRICS}
        return means | {
            "queries": float(len(self.valid)),
            "queries_without_match": float(np.count_nonzero(~self.valid)),
        }

    @classmethod
    def load(cls, path: Path) -> Scores:
        """Read an ``npz`` file that holds the ``vars`` of scores, and compute the scores again from its ranks.

        Raises BadInput when the file is missing or damaged, or when its values disagree with its ranks.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                stored = arrays["average_precision"]
                ranking = Ranking(arrays["match_ranks"], arrays["offsets"], arrays["top"])
                scores = cls.of(ranking, int(arrays["trials"]), arrays["first_ranks"])
        except (*DAMAGED_ARRAYS, BadInput) as error:
            raise BadInput(f"{path} holds no readable scores ({error}); run its cell again") from error
        if not np.allclose(stored, scores.average_precision, rtol=0, atol=1e-12, equal_nan=True):
            raise BadInput(f"{path}: its average precisions do not follow from its ranks; run its cell again")
        of_images = cls.of(ranking, scores.trials).first_ranks
        # There are never more identities than images before a match.
        if np.any((scores.first_ranks > of_images) | ((scores.first_ranks < 1) & (of_images > 0))):
            raise BadInput(f"{path}: its first ranks do not follow from its ranks; run its cell again")
        return scores


def _check_ranks(ranks: NDArray[np.int32], offsets: NDArray[np.int64]) -> None:
    if (
        offsets.ndim != 1
        or len(offsets) < 2
        or offsets[0] != 0
        or offsets[-1] != len(ranks)
        or np.any(np.diff(offsets) < 0)
    ):
        raise BadInput("the offsets of the ranks do not fit the ranks")
    if not len(ranks):
        raise BadInput("no query has a match, so there is nothing to score")
    inside = np.ones(len(ranks), bool)
    inside[offsets[:-1][np.diff(offsets) > 0]] = False  # the first match of a query has no match before it
    if ranks.min() < 1 or np.any(np.diff(ranks)[inside[1:]] < 1):
        raise BadInput("the ranks of a query's matches must start at 1 or above and increase")


def _same_in_every_trial(matched: NDArray[np.bool_], trials: int) -> NDArray[np.bool_]:
    by_trial = matched.reshape(trials, -1)
    if not np.array_equal(by_trial, np.broadcast_to(by_trial[0], by_trial.shape)):
        raise BadInput("the queries with a match differ between trials; draw all galleries from the same people")
    return by_trial[0]


def _mean_over_trials(values: NDArray[np.float64], trials: int) -> NDArray[np.float64]:
    """Mean over the trials (Q,) of values (T * Q,), one trial after another."""
    return values.reshape(trials, -1).mean(axis=0)


def _mean_by_query(
    values: NDArray[np.float64], of_query: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Mean of the values per query, NaN for a query without values."""
    sums = np.bincount(of_query, weights=values, minlength=len(counts))
    return np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)
