"""The index as a board: per method and table the state of every cell, how many claims hold, and the newest results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from harness.reporting.cell_strips import CLAIM_WORDS, Strip, span, strip
from harness.reporting.cells import Measured, MeasuredCell
from harness.reporting.complexity import complexity_table
from harness.reporting.counts import count_table
from harness.reporting.layout import Layout, ShownCell
from harness.reporting.people_link import PeopleLink, people_link
from harness.reporting.sources import Sources, method_page
from harness.reporting.states import STATES, count_states
from harness.tables import Paper, Table

NEWEST = 8
"""Results that stand in the list of the newest."""
FEW_TABLES = 2
"""A method with no more tables is here for comparison: a baseline."""


@dataclass(frozen=True)
class BoardTable:
    """One table. ``page`` is empty where none was written.

    ``not_run`` has the datasets of the paper without any record, with the number of their cells. ``without_cells`` is
    the state of a table that has no cells.
    """

    table: Table
    page: str
    strips: tuple[Strip, ...]
    not_run: Mapping[str, int]
    without_cells: str

    @property
    def newest(self) -> str:
        """When the newest training began; empty where nothing was measured."""
        return max((each.newest for each in self.strips), default="")

    @property
    def states(self) -> dict[str, int]:
        """How many cells are in each state, those of datasets without a record too."""
        counted = Counter({"not run": sum(self.not_run.values())})
        for each in self.strips:
            counted.update(each.states)
        return {word: counted[word] for word in STATES if counted[word]}


@dataclass(frozen=True)
class BoardMethod:
    """One method with its tables: those with results, the newest first, then the others in the paper's order."""

    id: str
    paper: Paper
    page: str
    built: bool
    tables: tuple[BoardTable, ...]
    people: PeopleLink | None

    @property
    def measured(self) -> list[BoardTable]:
        """Tables with a record."""
        return [each for each in self.tables if each.strips]

    @property
    def others(self) -> list[BoardTable]:
        """Tables without any record."""
        return [each for each in self.tables if not each.strips]

    @property
    def is_baseline(self) -> bool:
        """Whether the method is here for comparison."""
        return len(self.tables) <= FEW_TABLES

    @property
    def newest(self) -> str:
        """When its newest training began; empty where nothing was measured."""
        return max((each.newest for each in self.tables), default="")

    @property
    def states(self) -> dict[str, int]:
        """How many of its cells are in each state."""
        counted: Counter[str] = Counter()
        for each in self.tables:
            counted.update(each.states)
        return {word: counted[word] for word in STATES if counted[word]}

    @property
    def claims(self) -> dict[str, int]:
        """How many checks of its claims came out in each way, over all datasets and profiles."""
        counted: Counter[str] = Counter()
        for each in self.strips:
            counted.update(each.claims)
        return {word: counted[word] for word in CLAIM_WORDS if counted[word]}

    @property
    def seeds(self) -> str:
        """The fewest and the most seeds behind a cell."""
        return span(int(part) for each in self.strips for part in each.seeds.split(" to ") if part)

    @property
    def strips(self) -> list[Strip]:
        """All strips of its tables."""
        return [each for table in self.tables for each in table.strips]


@dataclass(frozen=True)
class NewResult:
    """The newest cell of one table and group with its main figure, and when its training began.

    ``rows`` counts the measured rows of the group.
    """

    table: Table
    page: str
    cell: MeasuredCell
    figure: Measured
    started: str
    rows: int


def board_methods(sources: Sources, pages: frozenset[str]) -> list[BoardMethod]:
    """Every method, papers before baselines, the newest results first.

    Args:
        sources: Everything measured.
        pages: File names of the pages that exist.
    """
    every = sorted(sources.layouts.values(), key=lambda layout: layout.table.method)
    found = []
    for method, own in groupby(every, key=lambda layout: layout.table.method):
        layouts = list(own)
        entries = [_entry(sources, layout, pages) for layout in layouts]
        first, page = entries[0].table, method_page(method)
        ordered = tuple(sorted(entries, key=lambda entry: entry.newest, reverse=True))
        people = people_link(layouts, sources.stored, pages)
        found.append(BoardMethod(method, first.paper, page if page in pages else "", first.built, ordered, people))
    return sorted(sorted(found, key=lambda each: each.newest, reverse=True), key=lambda each: each.is_baseline)


def newest_results(sources: Sources) -> list[NewResult]:
    """The groups whose trainings began last, each with its newest cell."""
    found = [
        _newest_of([shown for shown in layout.shown_cells if shown.cell.group == group and shown.cell.done], layout)
        for layout in sources.layouts.values()
        for group in layout.measured
        if any(cell.done for cell in layout.cells(group))
    ]
    return sorted(found, key=lambda each: each.started, reverse=True)[:NEWEST]


def _newest_of(done: Sequence[ShownCell], layout: Layout) -> NewResult:
    started = {shown.id: max(record["receipt"]["started"] for record in shown.cell.done) for shown in done}
    shown = max(done, key=lambda each: started[each.id])
    figures = shown.cell.figures
    figure = figures.get("map") or next(iter(figures.values()))
    page = f"{layout.table.id}.html#{shown.id}"
    return NewResult(layout.table, page, shown.cell, figure, started[shown.id], len(done))


def total_states(methods: Sequence[BoardMethod]) -> dict[str, int]:
    """How many cells of all methods are in each state."""
    return count_states(word for each in methods for word, count in each.states.items() for _ in range(count))


def _entry(sources: Sources, layout: Layout, pages: frozenset[str]) -> BoardTable:
    table = layout.table
    strips = tuple(strip(layout, group, sources.orderings[table.id, group]) for group in layout.measured)
    not_run = {column.title: _cells_to_run(layout, column.groups) for column in layout.other_columns}
    page = f"{table.id}.html"
    return BoardTable(
        table,
        page if page in pages else "",
        strips,
        {title: count for title, count in not_run.items() if count},
        "" if layout.shown_cells else _without_cells(sources, table),
    )


def _cells_to_run(layout: Layout, groups: Sequence[object]) -> int:
    return sum(shown.cell.group in groups for shown in layout.shown_cells)


def _without_cells(sources: Sources, table: Table) -> str:
    if counted := count_table(table, sources.counts):
        return "counted" if counted.anything_found else "not counted yet"
    if table.prints_complexity:
        return "measured" if complexity_table(table, sources.measured.get(table.id)) else "not measured yet"
    return "quoted only"
