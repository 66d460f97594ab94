"""Claims: does an ordering that a paper states hold on our records?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInput
from harness.evaluation.bootstrap import DRAWS, Floats, cluster_sums, percentile_interval, resampled_counts
from harness.evaluation.metrics import Scores

ClaimWord = Literal["holds", "contradicted", "undecided"]


@dataclass(frozen=True, eq=False)
class PerQuery:
    """One side of a claim: the scores of one row, one for each training seed, on the queries of ``query_ids`` (Q,).

    All seeds are of the same queries: of a dataset of several splits, of one split.
    """

    scores: tuple[Scores, ...]
    query_ids: NDArray[np.int64]

    def values(self, metric: str) -> Floats:
        """The metric of the valid queries (V, seeds), in 0..1."""
        return np.stack([scores.per_query(metric)[scores.valid] for scores in self.scores], axis=1)


@dataclass(frozen=True)
class CheckedClaim:
    """What the records say: ``difference`` (better - worse) and its 95 % ``interval``, in points of ``metric``."""

    word: ClaimWord
    metric: str
    difference: float
    interval: tuple[float, float]
    seeds: tuple[int, int]
    """Training seeds of the better and of the worse row."""


def check_claim(
    better: PerQuery, worse: PerQuery, metric: str = "map", seed: int = 0, draws: int = DRAWS
) -> CheckedClaim:
    """Whether the row ``better`` beats the row ``worse``, by a paired bootstrap by identity, seeds nested.

    Every draw takes people with replacement, the same for both rows (that is the pairing), each with all of their
    queries, and training seeds with replacement, for each row apart. The claim ``holds`` when the 95 % interval of the
    difference of means lies above 0, is ``contradicted`` when it lies below, else ``undecided``. With one seed a side
    the interval knows only of the choice of people; with two or three it still underrates the noise of training.

    Raises BadInput for an unknown metric, a side without scores, and when the two sides are not of the same queries.
    """
    _check_paired(better, worse)
    valid = better.scores[0].valid
    sides = [side.values(metric) for side in (better, worse)]
    sums, sizes = cluster_sums(np.concatenate(sides, axis=1), better.query_ids[valid])
    counts_of_seeds = (len(better.scores), len(worse.scores))
    generator = np.random.default_rng(seed)
    differences = []
    for people in resampled_counts(len(sizes), draws, generator):
        means = (people @ sums) / (people @ sizes)[:, None]
        of_better, of_worse = np.split(means, [counts_of_seeds[0]], axis=1)
        differences.append(_resampled_mean(of_better, generator) - _resampled_mean(of_worse, generator))
    low, high = (float(bound) for bound in percentile_interval(100 * np.concatenate(differences)))
    word: ClaimWord = "holds" if low > 0 else "contradicted" if high < 0 else "undecided"
    difference = 100 * float(sides[0].mean() - sides[1].mean())
    return CheckedClaim(word, metric, difference, (low, high), counts_of_seeds)


def _resampled_mean(means: Floats, generator: np.random.Generator) -> Floats:
    """Mean over seeds drawn with replacement, anew in each row of ``means`` (draws, seeds)."""
    drawn = generator.integers(means.shape[1], size=means.shape)
    return np.take_along_axis(means, drawn, axis=1).mean(axis=1)


def _check_paired(better: PerQuery, worse: PerQuery) -> None:
    for name, side in (("better", better), ("worse", worse)):
        if not side.scores:
            raise BadInput(f"the {name} row of the claim has no scores; run its cell first")
    offsets = better.scores[0].offsets  # equal when every query has as many matches, as on the same queries and gallery
    queries = len(better.scores[0].valid)
    same_ids = np.array_equal(better.query_ids, worse.query_ids) and len(better.query_ids) == queries
    if not same_ids or not all(np.array_equal(scores.offsets, offsets) for scores in (*better.scores, *worse.scores)):
        raise BadInput("the two rows of the claim were not scored on the same queries; run both on the same dataset")
