"""Verdicts: a measured figure against the published one, with the arithmetic shown. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import TYPE_CHECKING, Literal

from harness.errors import BadInput

if TYPE_CHECKING:
    from harness.datasets.base import DatasetSpec

VerdictWord = Literal["reproduced", "above", "below", "undecided", "not comparable", "degenerate", "failed", "not run"]

SLACK_POINTS = 0.5
"""Difference allowed between two faithful trainings of one recipe, for causes that no paper prints (library versions,
GPU kernels, image decoding). Declared: half of the "no more than 1 %" between runs that the authors of a widely used
baseline allow (reid-strong-baseline, issue 202)."""

SINGLE_SEED_NOISE_POINTS = 1.0
"""Seed noise assumed for a single training, which shows no spread of its own. Declared: re-ID users report runs
1.5 points to either side even at a fixed seed (cluster-contrast-reid, issue 7), maintainers "no more than 1 %"
(reid-strong-baseline, issue 202). It exceeds SLACK_POINTS, so one seed can show that a figure differs, never that it is
reproduced."""

T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
)  # fmt: skip
"""97.5 % quantiles of Student's t for 1 to 20 degrees of freedom. Beyond 20 the last is used, which is cautious."""

ROUNDING_ERROR = 1e-9
"""Allowance for binary fractions in differences of decimal figures: 85.65 - 85.1 must not exceed 0.55."""


@dataclass(frozen=True)
class Verdict:
    """A cell, or one figure of it, against its paper.

    ``arithmetic`` is one line with every number behind ``word``, empty without a comparison. ``reason`` says why there
    was no comparison, or why the run did not finish.
    """

    word: VerdictWord
    arithmetic: str = ""
    reason: str = ""


LEAST_FAVOURABLE: tuple[VerdictWord, ...] = ("not comparable", "below", "above", "undecided", "reproduced")


def overall(words: Collection[VerdictWord]) -> VerdictWord | None:
    """The verdict of a cell: the least favourable among its metrics, or None without any."""
    return next((word for word in LEAST_FAVOURABLE if word in words), None)


def judge(
    measured: Sequence[float],
    published: float | None,
    digits: int,
    reasons: Sequence[str] = (),
    slack: float = SLACK_POINTS,
    splits: int = 1,
) -> Verdict:
    """Compare one figure, measured with k training seeds, with the published one by an equivalence test.

    d is the mean difference, r half a unit of the last printed digit, and n the noise of the seeds
    (t(0.975, k - 1) * spread / sqrt(k), or SINGLE_SEED_NOISE_POINTS for one seed). The verdict is ``reproduced`` if all
    of d - n .. d + n lies within slack + r, ``above`` or ``below`` if all of it lies beyond, else ``undecided``. It is
    ``not run`` without a measured figure, and ``not comparable`` with ``reasons`` or without a published figure.

    With several train/test ``splits`` each measured figure belongs to one split, and the published figure is the mean
    over all splits. Differences between splits then affect both means alike and add no noise. The noise that remains is
    SINGLE_SEED_NOISE_POINTS / sqrt(k), from k single trainings. ``mean_per_split`` prepares such figures, and
    ``split_reasons`` says what prevents the comparison.

    Args:
        measured: Measured figures in percent, one per seed or split.
        published: The published figure in percent, or None.
        digits: Decimals of the published figure.
        reasons: Reasons why the figures are not comparable.
        slack: Allowed difference in points.
        splits: Number of train/test splits of the dataset.

    Raises:
        BadInput: A measured figure is not a finite number.

    Examples:
        >>> from harness.evaluation.verdicts import judge
        >>> judge([85.2, 85.3, 85.1], published=85.1, digits=1).word
        'reproduced'
        >>> print(judge([83.0], published=85.1, digits=1).arithmetic.replace("; ", "\\n"))
        measured 83.00 - published 85.1 = -2.10
        noise 1 (declared, 1 seed)
        tolerance = slack 0.5 + rounding 0.05 = 0.55
        difference within -3.10 .. -1.10: below
    """
    if not measured:
        return Verdict("not run", reason="no record of it")
    if not all(map(math.isfinite, measured)):
        raise BadInput(
            f"a measured figure is not a finite number ({', '.join(map(str, measured))}); run its cell again"
        )
    if reasons:
        return Verdict("not comparable", reason="; ".join(reasons))
    if published is None:
        return Verdict("not comparable", reason="the paper prints no figure here")
    difference = mean(measured) - published
    rounding = 0.5 * 10.0**-digits
    noise, noise_shown = _seed_noise(measured, splits)
    tolerance = slack + rounding
    if abs(difference) + noise <= tolerance + ROUNDING_ERROR:
        word: VerdictWord = "reproduced"
    elif abs(difference) - noise > tolerance + ROUNDING_ERROR:
        word = "above" if difference > 0 else "below"
    else:
        word = "undecided"
    decimals = max(digits, 2)
    arithmetic = (
        f"measured {mean(measured):.{decimals}f} - published {published:.{digits}f} = {difference:+.{decimals}f}; "
        f"noise {noise_shown}; tolerance = slack {slack:g} + rounding {rounding:g} = {tolerance:g}; "
        f"difference within {difference - noise:+.{decimals}f} .. {difference + noise:+.{decimals}f}: {word}"
    )
    return Verdict(word, arithmetic)


def mean_per_split(measured: Sequence[float], seeds: Sequence[int], dataset: DatasetSpec) -> list[float]:
    """The figures to average: one per seed or, where the dataset has several splits, one mean per split, in order.

    So a split with two trainings weighs as much as any other.
    """
    if dataset.splits == 1:
        return list(measured)
    of_split: dict[int, list[float]] = {}
    for figure, seed in zip(measured, seeds, strict=True):
        of_split.setdefault(dataset.split_of(seed), []).append(figure)
    return [mean(of_split[split]) for split in sorted(of_split)]


def split_reasons(measured: Collection[int], splits: int) -> list[str]:
    """Why a mean over the ``measured`` splits is not comparable: the paper prints the mean over all of them."""
    found = len(set(measured))
    return [f"{found} of {splits} splits measured, and the paper prints their mean"] if found < splits else []


def _seed_noise(measured: Sequence[float], splits: int) -> tuple[float, str]:
    """Half-width of the 95 % interval of the mean over seeds, and its arithmetic."""
    seeds = len(measured)
    if splits > 1:
        noise = SINGLE_SEED_NOISE_POINTS / math.sqrt(seeds)
        return noise, f"{SINGLE_SEED_NOISE_POINTS:g} (declared) / sqrt({seeds} of {splits} splits) = {noise:.2f}"
    if seeds == 1:
        return SINGLE_SEED_NOISE_POINTS, f"{SINGLE_SEED_NOISE_POINTS:g} (declared, 1 seed)"
    quantile = T_975[min(seeds - 1, len(T_975)) - 1]
    spread = stdev(measured)
    noise = quantile * spread / math.sqrt(seeds)
    return noise, f"{quantile:g} x spread {spread:.2f} / sqrt({seeds} seeds) = {noise:.2f}"
