"""The layout of a table's page: rows in the paper's order, published beside measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from harness.reporting.cells import Column, Group, MeasuredCell, best_values, columns, measured_cell
from harness.reporting.cost_figures import MEANINGS
from harness.reporting.own_settings import OwnTable, own_table
from harness.reporting.wording import printed
from harness.results.record import Record
from harness.tables import Row, Table

ROOMY = 12
"""Columns that fit a laptop's window at the usual font size."""


@dataclass(frozen=True)
class ShownCell:
    """A cell, the ``id`` of its receipt on the page, its ``command``, and the metrics in which it is ``best``."""

    id: str
    cell: MeasuredCell
    command: str
    best: frozenset[str]


@dataclass(frozen=True)
class ShownRow:
    """A row of the page.

    ``heading`` stands above it where a group of the paper begins, ``suffix`` beside its name where groups are remarks.
    ``footnote`` numbers the table's notes on rows from 1. ``cells`` lacks datasets that the table leaves out for the
    row (in a table of transfer, the one it was trained on).
    """

    row: Row
    heading: str
    suffix: str
    footnote: int | None
    cells: dict[Group, ShownCell]

    def published(self, column: Column) -> list[str]:
        """The row's figures in a column, as printed: a dash for the paper's dash, empty where it prints nothing."""
        figures = self.row.published.get(column.id, {})
        return [printed(figures[metric]) if metric in figures else "" for metric in column.printed]


@dataclass(frozen=True)
class Layout:
    """One table with everything that was measured for it."""

    table: Table
    columns: tuple[Column, ...]
    rows: tuple[ShownRow, ...]
    footnotes: tuple[str, ...]
    own: OwnTable

    @property
    def measured(self) -> list[Group]:
        """Groups with at least one record, in the order of the columns."""
        return [group for column in self.columns for group in column.groups if group.profile]

    def cells(self, group: Group) -> list[MeasuredCell]:
        """The cells of a group that run, in the paper's order."""
        return [row.cells[group].cell for row in self.rows if row.row.runs and group in row.cells]

    @property
    def shown_cells(self) -> list[ShownCell]:
        """Every cell that runs, row by row."""
        return [shown for row in self.rows if row.row.runs for shown in row.cells.values()]

    @property
    def cost_notes(self) -> list[str]:
        """Meanings of the table's measured costs."""
        return [MEANINGS[metric] for metric in dict.fromkeys(cost for group in self.measured for cost in group.costs)]

    def span(self, column: Column) -> int:
        """Columns of the page that a dataset takes. Each measured group ends in a verdict column."""
        measured = sum(len(group.measured) + 1 if group.profile else 1 for group in column.groups)
        return len(column.printed) + measured

    @property
    def width(self) -> int:
        """Columns of the whole table, with the column of names."""
        return 1 + sum(self.span(column) for column in self.columns)

    @property
    def is_wide(self) -> bool:
        """Whether the page shows the table in a smaller font."""
        return self.width > ROOMY


def lay_out(table: Table, records: Sequence[Record]) -> Layout:
    """Arrange a table and its own records among ``records``. Those with settings of one's own stand beneath it."""
    own = own_table(table, records)
    records = [record for record in records if record["table"] == table.id and not record.get("settings")]
    shown = tuple(columns(table, records))
    groups = [group for column in shown for group in column.groups]
    found = {
        (row.key, group): measured_cell(table, row, group, records)
        for row in table.rows
        for group in groups
        if table.has_cell(row, group.dataset)
    }
    best = best_values(list(found.values()))
    in_blocks = _groups_are_blocks(table)
    footnotes = tuple(dict.fromkeys(row.note for row in table.rows if row.note))
    rows = []
    for number, row in enumerate(table.rows):
        cells = {
            group: ShownCell(
                f"cell-{number}-{place}",
                found[row.key, group],
                found[row.key, group].command(table),
                frozenset(metric for metric in group.metrics if (row.key, group, metric) in best),
            )
            for place, group in enumerate(groups)
            if (row.key, group) in found
        }
        begins = number == 0 or table.rows[number - 1].group != row.group
        heading = row.group if in_blocks and begins else ""
        footnote = footnotes.index(row.note) + 1 if row.note else None
        rows.append(ShownRow(row, heading, "" if in_blocks else row.group, footnote, cells))
    return Layout(table, shown, tuple(rows), footnotes, own)


def _groups_are_blocks(table: Table) -> bool:
    """Whether groups are blocks of adjacent rows. Otherwise a group is a remark on its row (a venue)."""
    runs = [(group, len(list(rows))) for group, rows in groupby(table.rows, key=lambda row: row.group)]
    once = all(count == 1 for group, count in Counter(group for group, _ in runs).items() if group)
    return once and any(length > 1 for group, length in runs if group)
