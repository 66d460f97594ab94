"""Training curves by run. Cells that read several features from one training share its curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.reporting.cells import MeasuredCell
from harness.reporting.charts import Line

TITLE_ROOM = 40
"""Characters of several rows' names that fit a panel's title."""


@dataclass
class TrainingCurves:
    """One training: a line per seed, by the id of its run, and the rows that were evaluated from it."""

    rows: list[str] = field(default_factory=list)
    lines: dict[str, Line] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Its rows, or the first of them and the number of others if they do not fit."""
        together = "; ".join(self.rows)
        fits = len(self.rows) == 1 or len(together) <= TITLE_ROOM
        return together if fits else f"{self.rows[0]} and {len(self.rows) - 1} more"


def training_curves(cells: Sequence[MeasuredCell]) -> list[TrainingCurves]:
    """Summed loss by epoch of every training of done cells, each once, in the order of the rows."""
    found: list[TrainingCurves] = []
    for cell in cells:
        lines = {
            record["run"]: Line(str(record["seed"]), record["curves"]["epoch"], record["curves"]["loss"])
            for record in cell.done
        }
        if not lines:
            continue
        shared = next((each for each in found if each.lines.keys() & lines.keys()), None)
        if shared is None:
            shared = TrainingCurves()
            found.append(shared)
        shared.rows.append(cell.row.key)
        shared.lines |= lines
    return found


def converged(cells: Sequence[MeasuredCell]) -> str:
    """How far trainings came: their Rank-1 on training images, and how their loss still moved; empty if unknown."""
    records = [record for cell in cells for record in cell.done]
    learnt = [rank1 for record in records if (rank1 := record.get("training_rank1")) is not None]
    falls = [
        100 * (losses[-1] / losses[-1 - len(losses) // 5] - 1)
        for record in records
        if len(losses := record["curves"]["loss"]) >= 5
    ]
    told = []
    if learnt:
        told.append(f"{_range(learnt, '.0f')} % of training images find their person in another camera first")
    if falls:
        told.append(f"the loss moved by {_range(falls, '+.0f')} % over the last fifth of the epochs")
    return f" At the end {', and '.join(told)}." if told else ""


def _range(values: Sequence[float], form: str) -> str:
    low, high = (_rounded(value, form) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _rounded(value: float, form: str) -> str:
    """A number in a format without decimals; a true minus, and no sign of zero."""
    return "0" if not round(value) else f"{value:{form}}".replace("-", "−")


def caption(curves: Sequence[TrainingCurves]) -> str:
    """The chart's caption, with the rows that a title leaves out."""
    cut = [each for each in curves if each.title != "; ".join(each.rows)]
    rest = [f" One training gives {len(each.rows)} rows: {'; '.join(each.rows)}." for each in cut]
    return f"Sum of the losses, mean over each epoch; one line per seed, one scale for all.{''.join(rest)}"
