"""Training curves by run: cells that read several features off one training share its curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.reporting.cells import MeasuredCell
from harness.reporting.charts import Line

TITLE_ROOM = 40
"""Characters of several rows' names that a panel's title takes without being cut."""


@dataclass
class TrainingCurves:
    """The runs of one training, a line a seed by the run's id, and the rows that were evaluated from it."""

    rows: list[str] = field(default_factory=list)
    lines: dict[str, Line] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Its rows; where they are too many for a panel's title, the first and how many more there are."""
        together = "; ".join(self.rows)
        fits = len(self.rows) == 1 or len(together) <= TITLE_ROOM
        return together if fits else f"{self.rows[0]} and {len(self.rows) - 1} more"


def training_curves(cells: Sequence[MeasuredCell]) -> list[TrainingCurves]:
    """Summed loss by epoch of every training behind done cells, each once, in the order of the rows."""
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


def caption(curves: Sequence[TrainingCurves]) -> str:
    """What the chart shows, and the rows that a title leaves out."""
    cut = [each for each in curves if each.title != "; ".join(each.rows)]
    rest = [f" One training gives {len(each.rows)} rows: {'; '.join(each.rows)}." for each in cut]
    return f"Sum of the losses, mean over each epoch; one line a seed, one scale for all.{''.join(rest)}"
