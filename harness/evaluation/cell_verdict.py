"""The verdict of a cell over its seeds or splits: shared by records, pages and reproduction checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.evaluation.verdicts import Verdict, VerdictWord, judge, mean_per_split, overall, split_reasons

if TYPE_CHECKING:
    from harness.datasets.base import DatasetSpec

NOTHING_PRINTED = "the paper prints no figure for this cell"


@dataclass(frozen=True)
class CellVerdict:
    """One word for the cell, why it is degenerate or not comparable, and the verdict of each measured figure."""

    word: VerdictWord
    reasons: tuple[str, ...]
    figures: Mapping[str, Verdict]


def judge_cell(
    measured: Mapping[str, Sequence[float]],
    published: Mapping[str, float | None],
    reasons: Sequence[str],
    dataset: DatasetSpec,
    seeds: Sequence[int],
    degenerate: Sequence[str] = (),
) -> CellVerdict:
    """Judge every measured figure against the published one; the least favourable word is the cell's.

    Args:
        measured: Figures in percent by metric, one per seed.
        published: Published figures by metric; None where the paper prints a dash.
        reasons: Why the cell is not comparable with its paper, apart from missing splits.
        dataset: The dataset that the cell is tested on.
        seeds: The seeds of the figures.
        degenerate: The signs that a network of the cell has collapsed. Its figures are then set against nothing.
    """
    if degenerate:
        collapsed = Verdict("degenerate", reason="; ".join(degenerate))
        return CellVerdict("degenerate", (*degenerate, *reasons), dict.fromkeys(measured, collapsed))
    every = (*reasons, *split_reasons({dataset.split_of(seed) for seed in seeds}, dataset.splits))
    printed = [metric for metric in measured if published.get(metric) is not None]
    if not printed and not every:
        every = (NOTHING_PRINTED,)
    figures = {
        metric: judge(
            mean_per_split(values, seeds, dataset),
            published.get(metric),
            getattr(published.get(metric), "decimals", 1),
            every,
            splits=dataset.splits,
        )
        for metric, values in measured.items()
    }
    word = overall({figures[metric].word for metric in printed})
    return CellVerdict(word or "not comparable", every, figures)
