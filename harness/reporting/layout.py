"""The layout of a table's page: rows in the paper's order, what was measured first, the paper's figures beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from harness.reporting.cells import Column, Group, Measured, MeasuredCell, best_values, columns, measured_cell
from harness.reporting.cost_figures import MEANINGS
from harness.reporting.damaged_cells import damaged_cells
from harness.reporting.glyphs import Glyph, Scale, glyph
from harness.reporting.own_settings import OwnTable, own_table
from harness.reporting.wording import printed
from harness.results.reading import Damaged
from harness.results.record import Record, cell_of
from harness.tables import Row, Table

Scales = Mapping[tuple[Group, str], Scale]
"""One scale for each measured metric of each group, so that its rows can be compared."""


@dataclass(frozen=True)
class ShownCell:
    """A cell, the ``id`` of its receipt on the page, its ``command``, and the metrics in which it is ``best``."""

    id: str
    cell: MeasuredCell
    command: str
    best: frozenset[str]
    glyphs: Mapping[str, Glyph]


@dataclass(frozen=True)
class ShownRow:
    """A row of the page.

    ``heading`` stands above it where a group of the paper begins, ``suffix`` beside its name where groups are remarks.
    ``cells`` lacks datasets that the table leaves out for the row (in a table of transfer, the one it was trained on).
    """

    row: Row
    heading: str
    suffix: str
    cells: dict[Group, ShownCell]

    def published(self, column: Column) -> list[str]:
        """The row's figures in a column, as printed: a dash for the paper's dash, empty where it prints nothing."""
        return [self.printed(column, metric) for metric in column.printed]

    def printed(self, column: Column, metric: str) -> str:
        """One of the row's figures as printed; empty where the paper prints nothing."""
        figures = self.row.published.get(column.id, {})
        return printed(figures[metric]) if metric in figures else ""


@dataclass(frozen=True)
class Layout:
    """One table with everything that was measured for it."""

    table: Table
    columns: tuple[Column, ...]
    rows: tuple[ShownRow, ...]
    scales: Scales
    own: OwnTable

    @property
    def measured(self) -> list[Group]:
        """Groups with at least one record, in the order of ``measured_columns``."""
        return [group for column in self.measured_columns for group in column.groups if group.profile]

    @cached_property
    def measured_columns(self) -> list[Column]:
        """Columns with at least one record: those of at least half their rows first, each part in the paper's order."""
        found = [column for column in self.columns if any(group.profile for group in column.groups)]
        return found if self.table.is_our_own else sorted(found, key=self._is_sparse)

    def _is_sparse(self, column: Column) -> bool:
        """Whether every group of the column lacks more than half its rows, and none of its figures is comparable."""
        cells = [self.cells(group) for group in column.groups]
        lacking = all(2 * sum(bool(cell.done) for cell in own) < len(own) for own in cells)
        return lacking and all(cell.reasons for own in cells for cell in own if cell.done)

    @property
    def other_columns(self) -> list[Column]:
        """Columns without any record: the paper's figures alone."""
        return [column for column in self.columns if not any(group.profile for group in column.groups)]

    @property
    def measured_width(self) -> int:
        """Columns of the table of measured figures, with the column of names."""
        groups = [(column, group) for column in self.measured_columns for group in column.groups]
        return 1 + sum(1 + len(group.measured) + len(column.only_printed(group)) for column, group in groups)

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


def lay_out(table: Table, records: Sequence[Record], damaged: Sequence[Damaged] = ()) -> Layout:
    """Arrange a table and its own records among ``records``, with the ``damaged`` files of its cells.

    Records with settings of one's own stand beneath it.
    """
    own = own_table(table, records)
    records = [record for record in records if record["table"] == table.id and not record.get("settings")]
    unusable = damaged_cells(table, damaged)
    shown = tuple(columns(table, [*map(cell_of, records), *unusable]))
    groups = [group for column in shown for group in column.groups]
    found = {
        (row.key, group): measured_cell(table, row, group, records, unusable)
        for row in table.rows
        for group in groups
        if table.has_cell(row, group.dataset)
    }
    scales = _scales(list(found.values()))
    best = best_values(list(found.values()))
    in_blocks = _groups_are_blocks(table)
    rows = []
    for number, row in enumerate(table.rows):
        cells = {
            group: ShownCell(
                f"cell-{number}-{place}",
                found[row.key, group],
                found[row.key, group].command(table),
                frozenset(metric for metric in group.metrics if (row.key, group, metric) in best),
                _glyphs(found[row.key, group], scales),
            )
            for place, group in enumerate(groups)
            if (row.key, group) in found
        }
        begins = number == 0 or table.rows[number - 1].group != row.group
        heading = row.group if in_blocks and begins else ""
        rows.append(ShownRow(row, heading, "" if in_blocks else row.group, cells))
    return Layout(table, shown, tuple(rows), scales, own)


def _scales(cells: Sequence[MeasuredCell]) -> Scales:
    values: dict[tuple[Group, str], list[float]] = {}
    for cell in cells:
        for metric, figure in cell.figures.items():
            own = [*figure.values, *(figure.reach or ()), *_compared(cell, figure)]
            values.setdefault((cell.group, metric), []).extend(own)
    return {key: Scale.over(found) for key, found in values.items()}


def _glyphs(cell: MeasuredCell, scales: Scales) -> dict[str, Glyph]:
    return {
        metric: glyph(
            scales[cell.group, metric],
            figure.mean,
            figure.reach,
            figure.values,
            next(iter(_compared(cell, figure)), None),
        )
        for metric, figure in cell.figures.items()
    }


def _compared(cell: MeasuredCell, figure: Measured) -> list[float]:
    """The published figure, where it may be compared: elsewhere it would only stretch the scale."""
    return [] if figure.published is None or cell.reasons else [float(figure.published)]


def _groups_are_blocks(table: Table) -> bool:
    """Whether groups are blocks of adjacent rows. Otherwise a group is a remark on its row (a venue)."""
    runs = [(group, len(list(rows))) for group, rows in groupby(table.rows, key=lambda row: row.group)]
    once = all(count == 1 for group, count in Counter(group for group, _ in runs).items() if group)
    return once and any(length > 1 for group, length in runs if group)
