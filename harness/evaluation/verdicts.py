"""Verdicts: a measured figure against its paper's, with the arithmetic shown. Pure Python, so reports need no torch."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any, Literal

from harness.errors import BadInput

if TYPE_CHECKING:
    from harness.datasets.base import DatasetSpec

Word = Literal["reproduced", "above", "below", "undecided", "not comparable", "failed", "not run"]

SLACK = 0.5
"""Points by which two honest trainings of one recipe may differ in what no paper prints (library versions, GPU
kernels, image decoding), declared: half of the "no more than 1 %" between runs that the authors of a widely used
baseline grant (reid-strong-baseline, issue 202)."""

SINGLE_SEED_NOISE = 1.0
"""Points of seed noise assumed for a single training, whose own spread cannot be seen, declared. Re-ID users report
runs 1.5 points to either side even at a fixed seed (cluster-contrast-reid, issue 7) and maintainers "no more than 1 %"
(reid-strong-baseline, issue 202). It exceeds SLACK, so one seed can show that a figure differs, never that it is
reproduced."""

T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
)  # fmt: skip
"""97.5 % quantiles of Student's t for 1 to 20 degrees of freedom; the last is used beyond, on the cautious side."""

ROUNDING_ERROR = 1e-9
"""What binary fractions may add to differences of decimal figures: 85.65 - 85.1 must not exceed 0.55."""


@dataclass(frozen=True)
class Verdict:
    """A cell, or one figure of it, against its paper.

    ``arithmetic`` is one line with every number that led to ``word`` (empty where nothing was compared), ``reason``
    says in words why it was not compared or did not end.
    """

    word: Word
    arithmetic: str = ""
    reason: str = ""


LEAST_FAVOURABLE: tuple[Word, ...] = ("not comparable", "below", "above", "undecided", "reproduced")


def overall(words: Collection[Word]) -> Word | None:
    """A cell's own verdict: the least favourable of its metrics'; None where no metric has one."""
    return next((word for word in LEAST_FAVOURABLE if word in words), None)


def judge(
    measured: Sequence[float],
    published: float | None,
    digits: int,
    reasons: Sequence[str] = (),
    slack: float = SLACK,
    splits: int = 1,
) -> Verdict:
    """One figure in percent, ``measured`` by k training seeds, against the ``published`` one of ``digits`` decimals.

    An equivalence test. With d the mean difference, r half a unit of the last printed digit and n the noise of the
    seeds (t(0.975, k - 1) * spread / sqrt(k), or SINGLE_SEED_NOISE for one seed): ``reproduced`` when all of
    d - n .. d + n lies within slack + r, ``above`` or ``below`` when all of it lies beyond, else ``undecided``. Without
    a measured figure the word is ``not run``; with ``reasons`` why it cannot be compared, or no published figure, it
    is ``not comparable``.

    Of a dataset of several train/test ``splits`` each measured figure is of a split of its own, and the published one
    is the mean of all. How much splits differ is then in both means alike and no noise of their difference; what is
    left is that of k single trainings, SINGLE_SEED_NOISE / sqrt(k). ``mean_per_split`` makes such figures of
    any seeds', ``split_reasons`` says what speaks against it.

    Raises BadInput for a measured figure that is not a finite number.
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
    noise, noise_shown = _noise(measured, splits)
    tolerance = slack + rounding
    if abs(difference) + noise <= tolerance + ROUNDING_ERROR:
        word: Word = "reproduced"
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
    """Figures ``measured`` with these ``seeds`` as they are averaged: one a seed; of a dataset of several splits one a
    split, in their order: the mean of those measured on it.

    So a split that is trained on twice weighs no more than another in the mean of all.
    """
    if dataset.splits == 1:
        return list(measured)
    of_split: dict[int, list[float]] = {}
    for figure, seed in zip(measured, seeds, strict=True):
        of_split.setdefault(dataset.split_of(seed), []).append(figure)
    return [mean(of_split[split]) for split in sorted(of_split)]


def split_reasons(measured: Collection[int], splits: int) -> list[str]:
    """Why a mean over the splits of these numbers is not the published one: the paper's is the mean of all."""
    found = len(set(measured))
    return [f"{found} of {splits} splits measured, and the paper prints their mean"] if found < splits else []


def recipe_reasons(receipts: Sequence[Mapping[str, Any]], splits: int) -> list[str]:
    """Why figures with these receipts are no seeds of one training, whose mean could be judged.

    Their recipes, switches, starts and data must be the same; of a dataset of several ``splits`` each has its own data.
    So must be how they were computed (GPUs, what BN saw, precision), scored, and by which code.
    """
    found = []
    for what, of_receipt in (("recipes", _trained_as), ("computation", _computed_as), ("protocols", _scored_as)):
        sides = [of_receipt(receipt, splits) for receipt in receipts]
        found += [f"seeds of different {what}"] if any(side != sides[0] for side in sides) else []
    return found


def _trained_as(receipt: Mapping[str, Any], splits: int) -> tuple[Any, ...]:
    # Each seed starts from a run of its own.
    start = tuple(receipt["initialisation"].get(name) for name in ("kind", "method", "part", "file"))
    data = receipt["passport"]["fingerprint"] if splits == 1 else None
    return receipt["recipe"], receipt["switches"], start, data


def _computed_as(receipt: Mapping[str, Any], splits: int) -> tuple[Any, ...]:
    return tuple(receipt.get(name) for name in ("effective_batch", "computation", "code"))


def _scored_as(receipt: Mapping[str, Any], splits: int) -> Any:
    return receipt.get("protocol")


def _noise(measured: Sequence[float], splits: int) -> tuple[float, str]:
    """Half-width of the 95 % interval of the mean over seeds, and how it came about."""
    seeds = len(measured)
    if splits > 1:
        noise = SINGLE_SEED_NOISE / math.sqrt(seeds)
        return noise, f"{SINGLE_SEED_NOISE:g} (declared) / sqrt({seeds} of {splits} splits) = {noise:.2f}"
    if seeds == 1:
        return SINGLE_SEED_NOISE, f"{SINGLE_SEED_NOISE:g} (declared, 1 seed)"
    quantile = T_975[min(seeds - 1, len(T_975)) - 1]
    spread = stdev(measured)
    noise = quantile * spread / math.sqrt(seeds)
    return noise, f"{quantile:g} x spread {spread:.2f} / sqrt({seeds} seeds) = {noise:.2f}"
