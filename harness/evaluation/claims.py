"""Claims: does an ordering that a paper states hold on our records?"""

from __future__ import annotations

from collections.abc import Sequence
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
    return _check_contrast([better], [worse], metric, seed, draws)


def check_gain(
    better: tuple[ClaimSide, ClaimSide],
    worse: tuple[ClaimSide, ClaimSide],
    metric: str = "map",
    seed: int = 0,
    draws: int = DRAWS,
) -> CheckedClaim:
    """Check whether ``better`` gains more over ``worse`` at the first of two positions of a dial than at the second.

    The difference is one of differences: (better - worse) at the first position minus the same at the second. The
    embedded datasets show the same people in the same poses at each position, so all four sides are paired, as in
    ``check_claim``.

    Args:
        better: The row that the paper states to be better, at the first and at the second position.
        worse: The row that it should beat, likewise.
        metric: One of ``harness.evaluation.metrics.METRICS``.
        seed: Seed of the bootstrap.
        draws: Number of bootstrap draws.

    Raises:
        BadInput: As in ``check_claim``.
    """
    return _check_contrast([better[0], worse[1]], [worse[0], better[1]], metric, seed, draws)


def _check_contrast(
    plus: Sequence[ClaimSide], minus: Sequence[ClaimSide], metric: str, seed: int, draws: int
) -> CheckedClaim:
    """Check whether the sum of the means of ``plus`` exceeds that of ``minus``. The first two give the seeds."""
    _check_paired(plus, minus)
    sides = [*plus, *minus]
    valid = sides[0].scores[0].valid
    values = [side.values(metric) for side in sides]
    signs = [1] * len(plus) + [-1] * len(minus)
    sums, sizes = cluster_sums(np.concatenate(values, axis=1), sides[0].query_ids[valid])
    ends = np.cumsum([len(side.scores) for side in sides])[:-1]
    generator = np.random.default_rng(seed)
    differences = []
    for people in resampled_counts(len(sizes), draws, generator):
        means = np.split((people @ sums) / (people @ sizes)[:, None], ends, axis=1)
        differences.append(sum(sign * _resampled_mean(of, generator) for sign, of in zip(signs, means, strict=True)))
    low, high = (float(bound) for bound in percentile_interval(100 * np.concatenate(differences)))
    word: ClaimWord = "holds" if low > 0 else "contradicted" if high < 0 else "undecided"
    difference = 100 * float(sum(sign * of.mean() for sign, of in zip(signs, values, strict=True)))
    return CheckedClaim(word, metric, difference, (low, high), (len(plus[0].scores), len(minus[0].scores)))


def _resampled_mean(means: Floats, generator: np.random.Generator) -> Floats:
    """Mean over seeds that are drawn with replacement in each row of ``means`` (draws, seeds)."""
    drawn = generator.integers(means.shape[1], size=means.shape)
    return np.take_along_axis(means, drawn, axis=1).mean(axis=1)


def _check_paired(plus: Sequence[ClaimSide], minus: Sequence[ClaimSide]) -> None:
    for name, sides in (("better", plus), ("worse", minus)):
        if not all(side.scores for side in sides):
            raise BadInput(f"the {name} row of the claim has no scores; run its cell first")
    first = plus[0]
    offsets = first.scores[0].offsets  # the same queries and gallery give each query the same number of matches
    for side in (*plus, *minus):
        same_ids = np.array_equal(side.query_ids, first.query_ids)
        if not same_ids or not all(np.array_equal(scores.offsets, offsets) for scores in side.scores):
            raise BadInput(
                "the two rows of the claim were not scored on the same queries; run both on the same dataset"
            )
    if len(first.query_ids) != len(first.scores[0].valid):
        raise BadInput("the claim has not one identity per query; run its cells again")
