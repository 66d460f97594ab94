"""A table of complexity as a page and the command line show it: measured beside published, times as ratios."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from harness.reporting.tabular import Block, booktabs, csv_text
from harness.reporting.wording import DASH, fixed, printed, significant
from harness.store import Record
from harness.tables import Figure, Row, Table


@dataclass(frozen=True)
class Cost:
    """One row in training or in testing, as it is shown; dashes where a row is quoted or a figure not printed.

    ``time`` is in milliseconds an image on the machine that measured; the ratios are to the first row that runs.
    """

    published_parameters: str
    parameters: str
    time: str
    published_ratio: str
    ratio: str


@dataclass(frozen=True)
class ComplexityTable:
    """Rows in the paper's order, each with a cost a column; ``reference`` is the row that times are divided by."""

    reference: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cost, ...]], ...]
    facts: tuple[str, ...]


HEADINGS = ("M, published", "M, measured", "ms", "× published", "× measured")


def complexity_table(table: Table, record: Record | None) -> ComplexityTable | None:
    """A table of complexity with what was measured; None for any other table, and where nothing was measured yet."""
    if not table.prints_complexity or record is None:
        return None
    reference = next(row for row in table.rows if row.runs)
    rows = tuple(
        (row.key, tuple(_cost(row, reference, column, record) for column in table.columns)) for row in table.rows
    )
    return ComplexityTable(reference.key, table.columns, rows, _facts(record, reference))


def as_text(table: ComplexityTable) -> str:
    """One line a row and column."""
    width = max(len(name) for name, _ in table.rows)
    lines = []
    for place, column in enumerate(table.columns):
        lines.append(f"{column:<{width}} {''.join(f'{heading:>14}' for heading in HEADINGS)}")
        for name, costs in table.rows:
            cost = costs[place]
            shown = (cost.published_parameters, cost.parameters, cost.time, cost.published_ratio, cost.ratio)
            lines.append(f"{name:<{width}} {''.join(f'{value:>14}' for value in shown)}")
    return "\n".join([*lines, *table.facts])


def complexity_latex(table: ComplexityTable) -> str:
    """The table as a booktabs ``tabular``, with the columns of the page."""
    blocks: list[Block] = []
    for column in table.columns:
        blocks += [(column, "parameters, M", ("published", "measured")), (column, "ms an image", ("measured",))]
        blocks.append((column, f"time, × {table.reference}", ("published", "measured")))
    return booktabs(
        "Row", blocks, ([name, *(text for cost in costs for text in astuple(cost))] for name, costs in table.rows)
    )


def complexity_csv(table: Table, record: Record) -> str:
    """Parameters and times of every row on lines of their own; the times in milliseconds, from which ratios follow."""
    return csv_text(
        [
            *(table.id, row.group, row.key, column, "", metric),
            *("" if figure is None else printed(figure), _measured(record, row, column, metric), *[""] * 6),
        ]
        for row in table.rows
        for column in table.columns
        for metric, figure in row.published.get(column, {}).items()
    )


def _measured(record: Record, row: Row, column: str, metric: str) -> str:
    costs = record["rows"].get(row.key, {}).get(column)
    return significant(costs[metric]) if costs else ""


def _cost(row: Row, reference: Row, column: str, record: Record) -> Cost:
    published, base = row.published.get(column, {}), reference.published.get(column, {})
    measured = record["rows"].get(row.key, {}).get(column)
    fastest = record["rows"][reference.key][column]["time_ms"]
    return Cost(
        printed(published.get("params_m")),
        fixed(measured["params_m"], 2) if measured else DASH,
        fixed(measured["time_ms"], 1) if measured else DASH,
        _ratio(published.get("time_ms"), base.get("time_ms")),
        _ratio(measured["time_ms"], fastest) if measured else DASH,
    )


def _ratio(time: Figure | float | None, base: Figure | float | None) -> str:
    return DASH if time is None or not base else fixed(float(time) / float(base), 2)


def _facts(record: Record, reference: Row) -> tuple[str, ...]:
    hardware = record["hardware"]
    device = hardware["gpu"] or f"{hardware['cpu']}, {hardware['threads']} threads"
    height, width = record["size"]
    return (
        f"Measured in turns in one process on {device}, {record['precision']}, images of {height}x{width} in batches "
        f"of {record['batch']}: milliseconds an image of a whole training step, and of the test feature without flip.",
        f"Ratios (×) are to {reference.key}. The paper's times are of another machine, so only ratios compare.",
        "Parameters in millions, learnable ones without classifiers; printed ones follow no single rule and agree "
        "within 0.15.",
    )
