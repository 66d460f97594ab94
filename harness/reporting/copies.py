"""What the copy buttons of a page hold: its table for a paper (LaTeX, booktabs) and for a spreadsheet (CSV)."""

from __future__ import annotations

from collections.abc import Iterator

from harness.reporting.cells import Column, Group, Measured, MeasuredCell
from harness.reporting.headline import reasons
from harness.reporting.layout import Layout, ShownRow
from harness.reporting.tabular import Block, booktabs, csv_text
from harness.reporting.wording import DASH, fixed, metric_name, printed, significant

NOT_COMPARABLE = "∗"
"""Stands at every figure that is not comparable with the published one beside it."""


def latex(layout: Layout) -> str:
    """The table as a booktabs ``tabular``; measured columns only where something was measured.

    Figures that are not comparable with the published ones are marked, and the last line says why.
    """
    blocks = [block for column in layout.columns for block in _blocks(column)]
    why = reasons(layout)
    remark = f"{NOT_COMPARABLE} not comparable: {'; '.join(why)}" if why else ""
    return booktabs("Row", blocks, ([row.row.key, *_values(row, layout)] for row in layout.rows), remark)


def _blocks(column: Column) -> list[Block]:
    published = [("published", column.printed)] if column.printed else []
    measured = [(f"measured, {group.profile}", group.measured) for group in column.groups if group.profile]
    return [(column.title, source, [metric_name(each) for each in metrics]) for source, metrics in published + measured]


def _values(row: ShownRow, layout: Layout) -> list[str]:
    values = []
    for column in layout.columns:
        values += row.published(column)
        for group in column.groups:
            if group.profile:
                values += _measured(row.cells[group].cell) if group in row.cells else [""] * len(group.measured)
    return values


def _measured(cell: MeasuredCell) -> list[str]:
    if cell.status != "done":
        return [DASH if cell.status == "quoted" else cell.status] * len(cell.group.measured)
    costs = [significant(cost.value) for cost in cell.costs.values()]
    mark = NOT_COMPARABLE if cell.reasons else ""
    return [*(_with_spread(figure) + mark for figure in cell.figures.values()), *costs]


def _with_spread(figure: Measured) -> str:
    mean = fixed(figure.mean, figure.decimals)
    return mean if figure.spread is None else f"{mean} ± {fixed(figure.spread, figure.decimals)}"


def long_csv(layout: Layout) -> str:
    """Every figure on a line of its own: published as printed, measured unrounded to four decimals."""
    return csv_text(_csv_lines(layout))


def _csv_lines(layout: Layout) -> Iterator[list[str]]:
    for row in layout.rows:
        for column in (each for each in layout.columns if layout.table.has_cell(row.row, each.id)):
            for profile, metric, group in _metrics(column):
                address = [layout.table.id, row.row.group, row.row.key, column.id, profile or "", metric]
                figure = row.row.published.get(column.id, {}).get(metric)
                cell = row.cells[group].cell if group else None
                yield [*address, "" if figure is None else printed(figure), *_csv_measured(cell, metric)]


def _metrics(column: Column) -> list[tuple[str | None, str, Group | None]]:
    """(profile, metric, group) of each line of a column; metrics that cannot be measured have no group."""
    measured = {metric for group in column.groups for metric in group.measured}
    unmeasured: list[tuple[str | None, str, Group | None]] = [
        (None, metric, None) for metric in column.printed if metric not in measured
    ]
    return unmeasured + [(group.profile, metric, group) for group in column.groups for metric in group.measured]


def _csv_measured(cell: MeasuredCell | None, metric: str) -> list[str]:
    if cell is None:
        return [""] * 8
    if metric in cell.costs:
        value = cell.costs[metric].value
        return ["" if value is None else f"{value:.4g}", "", "1", *[""] * 5]
    figure = cell.figures.get(metric)
    if figure is None:
        return [*[""] * 6, cell.status, ""]
    low, high = figure.interval or (None, None)
    numbers = [figure.mean, figure.spread, len(cell.done), low, high, figure.difference]
    return [
        *("" if number is None else f"{round(number, 4):g}" for number in numbers),
        figure.verdict.word,
        figure.verdict.reason,
    ]
