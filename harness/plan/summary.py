"""``--dry-run`` on one screen: one line per table, then why cells are blocked, each reason once, then the sums."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from string import ascii_lowercase

from harness.plan.forecast import Forecast
from harness.plan.plan import PlannedCell, Run
from harness.plan.scaling import SECONDS_PER_HOUR
from harness.plan.views import damage_lines, on_paper, published_lines, scaling_lines, scratch_note, summary
from harness.recipe import Profile

WIDTH = 120
TOLD_IN_FULL = 3
"""More reasons than these are told by their first part."""
WIDTHS = (6, 8, 8, 10, 9, 9, 13)
HEADINGS = ("cells", "quoted", "cached", "to train", "hours", "blocked", "their hours")


@dataclass(frozen=True)
class TableSummary:
    """The cells of one table, and the runs that it needs and no table before it.

    ``seconds`` is the time of the runs that would be trained now, ``blocked_seconds`` that of the blocked ones; None if
    the time of a run is unknown. ``reasons`` counts the blocked cells by reason.
    """

    method: str
    table: str
    profile: Profile
    cells: int
    quoted: int
    cached: int
    to_train: int
    seconds: float | None
    blocked_seconds: float | None
    reasons: Counter[str]


def table_summaries(forecast: Forecast) -> list[TableSummary]:
    """One summary per table, in the order of the plan."""
    found: list[TableSummary] = []
    counted: set[Run] = set()
    for _, group in groupby(forecast.plan.cells, key=lambda planned: planned.table.id):
        cells = list(group)
        runs = {run for planned in cells if planned.run for run in planned.run.lineage} - counted
        counted |= runs
        found.append(_summary_of(cells, runs, forecast))
    return found


def as_summary(forecast: Forecast) -> str:
    """The plan on one screen. Damaged files are named in full."""
    tables = table_summaries(forecast)
    reasons = list(dict.fromkeys(reason for table in tables for reason in table.reasons))
    blocked = sum((table.reasons for table in tables), Counter[str]())
    lines = [_line("method", "table", "profile", HEADINGS), *(_table_line(table, reasons) for table in tables)]
    lines += _blocked_lines([(_mark(index), blocked[reason], reason) for index, reason in enumerate(reasons)])
    lines += _notes(forecast)
    lines += damage_lines(forecast)
    costs = [on_paper(forecast), *scaling_lines(forecast.scalings)] if forecast.trainings else []
    costs += published_lines(forecast.published)
    for line in [summary(forecast), *costs]:
        lines += textwrap.wrap(line, WIDTH, subsequent_indent="    ")
    return "\n".join(lines)


def _summary_of(cells: Sequence[PlannedCell], runs: set[Run], forecast: Forecast) -> TableSummary:
    states = Counter(planned.state for planned in cells)
    to_train = runs & set(forecast.to_train)
    first = cells[0].table
    return TableSummary(
        first.method,
        first.id,
        cells[0].cell.profile,
        len(cells),
        states["quoted"],
        states["cached"],
        len(to_train),
        _seconds(to_train, forecast),
        _seconds([run for run in runs if run.blocked], forecast),
        Counter(planned.reason for planned in cells if planned.state == "blocked"),
    )


def _seconds(runs: Collection[Run], forecast: Forecast) -> float | None:
    times = [forecast.seconds(run) for run in runs]
    known = [seconds for seconds in times if seconds is not None]
    return sum(known) if len(known) == len(times) else None


def _table_line(table: TableSummary, reasons: Sequence[str]) -> str:
    blocked = table.reasons.total()
    counts = [str(count) if count else "·" for count in (table.cells, table.quoted, table.cached, table.to_train)]
    costs = [_hours(table.seconds), str(blocked) if blocked else "·", _hours(table.blocked_seconds)]
    marks = ",".join(_mark(reasons.index(reason)) for reason in table.reasons)
    return f"{_line(table.method, table.table, table.profile, [*counts, *costs])}  {marks}".rstrip()


def _line(method: str, table: str, profile: str, columns: Sequence[str]) -> str:
    return f"{method:<9}{table:<31}{profile:<7}" + "".join(
        f"{text:>{width}}" for text, width in zip(columns, WIDTHS, strict=True)
    )


def _hours(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds / SECONDS_PER_HOUR:,.1f}" if seconds else "·"


def _blocked_lines(reasons: Sequence[tuple[str, int, str]]) -> Iterator[str]:
    """Why cells are blocked, by mark and number of cells: in full if few reasons are told, else by their first part."""
    if len(reasons) <= TOLD_IN_FULL:
        for mark, count, reason in reasons:
            yield from textwrap.wrap(f"{mark}: {count} blocked: {reason}", WIDTH, subsequent_indent="    ")
        return
    parts = "; ".join(f"{mark}: {count} blocked, {reason.partition(';')[0]}" for mark, count, reason in reasons)
    yield from textwrap.wrap(f"{parts} (--verbose says what to do)", WIDTH, subsequent_indent="    ")


def _mark(index: int) -> str:
    """``a`` to ``z``, then ``aa``, ``ab`` and so on."""
    before, last = divmod(index, len(ascii_lowercase))
    return (_mark(before - 1) if before else "") + ascii_lowercase[last]


def _notes(forecast: Forecast) -> Iterator[str]:
    """Each reason why published weights are missing, once."""
    notes = Counter(note for run in forecast.plan.runs.values() if (note := scratch_note(run)))
    for note, count in notes.items():
        yield from textwrap.wrap(f"{count} runs start {note}", WIDTH, subsequent_indent="    ")
