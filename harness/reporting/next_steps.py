"""What to run next, and about how long it takes: from the records alone."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from harness.machine.hardware import device_name
from harness.progress import duration
from harness.reporting.cells import Group, MeasuredCell
from harness.reporting.layout import Layout
from harness.reporting.sources import Sources
from harness.results.record import DoneRecord
from harness.tables import Table

MOST_STEPS = 6
Reason = Literal["failed", "damaged", "begun", "one seed", "untouched"]
ORDER: tuple[Reason, ...] = ("failed", "damaged", "begun", "one seed", "untouched")


@dataclass(frozen=True)
class NextStep:
    """One command. ``seconds`` is None where no record tells how long such a training takes; ``device`` is theirs."""

    reason: Reason
    table: Table
    sentence: str
    command: str
    trainings: int
    seconds: float | None
    device: str

    @property
    def cost(self) -> str:
        """The expected time in words."""
        count = f"{self.trainings} training{'s' * (self.trainings > 1)}"
        if self.seconds is None:
            return f"at most {count}; add --dry-run to the command for the cost"
        return f"at most {count}, about {duration(self.seconds)} on {self.device}"


def next_steps(sources: Sources) -> list[NextStep]:
    """The steps that tell most: what failed, what was begun, what has one seed, what nobody touched. Cheapest first."""
    found = [
        step
        for layout in sources.layouts.values()
        for group in layout.measured
        for step in _steps(sources, layout, group)
    ]
    found += _untouched(sources)
    found.sort(key=lambda step: (ORDER.index(step.reason), step.seconds is None, step.seconds or 0))
    return _varied(found)[:MOST_STEPS]


def _varied(steps: Sequence[NextStep]) -> list[NextStep]:
    """The first step of each reason and method, then the others: no method fills the list."""
    first = {(step.reason, step.table.method): step for step in reversed(steps)}
    chosen = [step for step in steps if step in first.values()]
    return [*chosen, *(step for step in steps if step not in chosen)]


def _steps(sources: Sources, layout: Layout, group: Group) -> Iterable[NextStep]:
    table, cells = layout.table, layout.cells(group)
    where = f"{table.label} on {group.title}"
    for reason in ("failed", "damaged"):
        bad = [cell for cell in cells if cell.word == reason]
        if bad:
            rows = [part for cell in bad for part in ("--row", cell.row.key)]
            command = f"{_command(table, group)} {shlex.join(rows)}"
            yield _step(sources, reason, layout, group, f"{_rows(bad)} of {where} {reason}", command, len(bad))
    missing = [cell for cell in cells if cell.word == "not run"]
    if missing:
        sentence = f"{_rows(missing)} of {where} {'is' if len(missing) == 1 else 'are'} not run"
        yield _step(sources, "begun", layout, group, sentence, _command(table, group), len(missing))
    undecided = [each for each in sources.orderings[table.id, group] if each.word == "undecided"]
    single = [cell for cell in cells if len(cell.done) == 1]
    if undecided and single and not missing:
        taken = max(record["seed"] for cell in cells for record in cell.done)
        sentence = f"{len(undecided)} claims of {where} are undecided with one seed per row"
        command = f"{_command(table, group)} --seed {taken + 1}"
        yield _step(sources, "one seed", layout, group, sentence, command, len(cells))


def _untouched(sources: Sources) -> Iterable[NextStep]:
    """The first table that runs of each method without any record."""
    recorded = {layout.table.method for layout in sources.layouts.values() if layout.measured}
    seen = set(recorded)
    for layout in sources.layouts.values():
        table = layout.table
        if table.method in seen or not layout.shown_cells or not table.built:
            continue
        seen.add(table.method)
        rows = len({shown.cell.row.key for shown in layout.shown_cells})
        command = f"python -m harness.run --table {table.id}"
        yield NextStep("untouched", table, f"Nothing is measured for {table.method} yet", command, rows, None, "")


def _step(
    sources: Sources, reason: Reason, layout: Layout, group: Group, sentence: str, command: str, trainings: int
) -> NextStep:
    like = list(_like(sources, layout.table.method, group))
    seconds = median(record["receipt"]["wall_seconds"] for record in like) * trainings if like else None
    device = device_name(like[0]["receipt"]["hardware"]) if like else ""
    return NextStep(reason, layout.table, sentence, command, trainings, seconds, device)


def _like(sources: Sources, method: str, group: Group) -> Iterable[DoneRecord]:
    """One record of each training of the same method on the same data at the same profile."""
    records = (
        record
        for layout in sources.layouts.values()
        if layout.table.method == method
        for shown in layout.shown_cells
        if (shown.cell.group.dataset, shown.cell.group.profile) == (group.dataset, group.profile)
        for record in shown.cell.done
    )
    return {record["run"]: record for record in records}.values()


def _command(table: Table, group: Group) -> str:
    """The command for every row of a table."""
    return (
        f"python -m harness.run --table {table.id} --dataset {shlex.quote(group.dataset)}"
        f" --profile {group.profile or 'paper'}"
    )


def _rows(cells: Sequence[MeasuredCell]) -> str:
    return cells[0].row.key if len(cells) == 1 else f"{len(cells)} rows"
