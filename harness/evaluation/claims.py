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
class ClaimSide:
    """One side of a claim: the scores of one row, one per training seed, and the identities of its queries (Q,).

    All seeds share the queries. Where a dataset has several splits, all seeds share one split.
    """

    scores: tuple[Scores, ...]
    query_ids: NDArray[np.int64]

    def values(self, metric: str) -> Floats:
        """The metric of the valid queries (V, seeds), in 0..1."""
        return np.stack([scores.per_query(metric)[scores.valid] for scores in self.scores], axis=1)


@dataclass(frozen=True)
class CheckedClaim:
    """The result of a claim: ``difference`` (better - worse) and its 95 % ``interval``, in points of ``metric``."""

    word: ClaimWord
    metric: str
    difference: float
    interval: tuple[float, float]
    seeds: tuple[int, int]
    """Number of training seeds of the better and of the worse row."""


def check_claim(
    better: ClaimSide, worse: ClaimSide, metric: str = "map", seed: int = 0, draws: int = DRAWS
) -> CheckedClaim:
    """Check whether the row ``better`` beats the row ``worse``, by a paired bootstrap by identity, seeds nested.

    Each draw takes people with replacement, each with all of their queries. Both rows get the same people: that is the
    pairing. Each draw also takes training seeds with replacement, separately per row. The claim ``holds`` when the
    95 % interval of the difference of means lies above 0, is ``contradicted`` when it lies below, else ``undecided``.
    With one seed per side the interval covers only the choice of people. With two or three seeds it still
    underestimates the noise of training.

    Args:
        better: The row that the paper states to be better.
        worse: The row that it should beat.
        metric: One of ``harness.evaluation.metrics.METRICS``.
        seed: Seed of the bootstrap.
        draws: Number of bootstrap draws.

    Raises:
        BadInput: The metric is unknown, a side has no scores, or the two sides have different queries.
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
    """Mean over seeds that are drawn with replacement in each row of ``means`` (draws, seeds)."""
    drawn = generator.integers(means.shape[1], size=means.shape)
    return np.take_along_axis(means, drawn, axis=1).mean(axis=1)


def _check_paired(better: ClaimSide, worse: ClaimSide) -> None:
    for name, side in (("better", better), ("worse", worse)):
        if not side.scores:
            raise BadInput(f"the {name} row of the claim has no scores; run its cell first")
    offsets = better.scores[0].offsets  # the same queries and gallery give each query the same number of matches
    queries = len(better.scores[0].valid)
    same_ids = np.array_equal(better.query_ids, worse.query_ids) and len(better.query_ids) == queries
    if not same_ids or not all(np.array_equal(scores.offsets, offsets) for scores in (*better.scores, *worse.scores)):
        raise BadInput("the two rows of the claim were not scored on the same queries; run both on the same dataset")
