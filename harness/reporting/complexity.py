"""A table of complexity as a page and the command line show it: measured beside published, times as ratios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass

from harness.datasets import DATASETS
from harness.machine.hardware import device_name
from harness.reporting.tabular import Block, booktabs, csv_text
from harness.reporting.wording import DASH, count, fixed, printed, significant
from harness.results.record import MeasuredTable
from harness.tables import Figure, Row, Table


@dataclass(frozen=True)
class Cost:
    """One row in training, in testing or in queries; dashes where a row is quoted or a figure not printed.

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


def complexity_table(table: Table, record: MeasuredTable | None) -> ComplexityTable | None:
    """A table of complexity with what was measured; None for any other table, and where nothing was measured yet.

    A record of other rows or columns than the table has now counts as none: its ratios may be to another row.
    """
    running = [row for row in table.rows if row.runs]
    if not table.prints_complexity or record is None:
        return None
    if {key: set(costs) for key, costs in record["rows"].items()} != {row.key: set(table.columns) for row in running}:
        return None
    reference = running[0]
    rows = tuple(
        (row.key, tuple(_cost(row, reference, column, record) for column in table.columns)) for row in table.rows
    )
    columns = tuple(DATASETS[column].title if column in DATASETS else column for column in table.columns)
    return ComplexityTable(reference.key, columns, rows, _facts(table, reference, record))


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


def complexity_csv(table: Table, record: MeasuredTable) -> str:
    """Parameters and times of every row on lines of their own; the times in the paper's unit, without ratios."""
    return csv_text(
        [
            *(table.id, row.group, row.key, column, "", metric),
            *("" if figure is None else printed(figure), _measured(record, row, column, metric), *[""] * 7),
        ]
        for row in table.rows
        for column in table.columns
        for metric, figure in row.published.get(column, {}).items()
    )


def _measured(record: MeasuredTable, row: Row, column: str, metric: str) -> str:
    costs = record["rows"].get(row.key, {}).get(column)
    if not costs:
        return ""
    seconds = costs["time_ms"] / 1000
    return significant({"time_s": seconds, "time_ms": costs["time_ms"], "params_m": costs["params_m"]}[metric])


def _cost(row: Row, reference: Row, column: str, record: MeasuredTable) -> Cost:
    published, base = row.published.get(column, {}), reference.published.get(column, {})
    measured = record["rows"].get(row.key, {}).get(column)
    base_ms = record["rows"][reference.key][column]["time_ms"]
    return Cost(
        printed(published.get("params_m")),
        fixed(measured["params_m"], 2) if measured else DASH,
        fixed(measured["time_ms"], 1) if measured else DASH,
        _ratio(_time(published), _time(base)),
        _ratio(measured["time_ms"], base_ms) if measured else DASH,
    )


def _time(published: Mapping[str, Figure | None]) -> Figure | None:
    """The printed time, in the unit of its table."""
    return published.get("time_ms", published.get("time_s"))


def _ratio(time: Figure | float | None, base: Figure | float | None) -> str:
    return DASH if time is None or not base else fixed(float(time) / float(base), 2)


def _facts(table: Table, reference: Row, record: MeasuredTable) -> tuple[str, ...]:
    where = f"Measured in turns in one process on {device_name(record['hardware'])}, {record['precision']}"
    return (
        *(_of_queries(where, record) if table.prints_query_times else _of_batches(where, record)),
        f"Ratios (×) are to {reference.key}. The paper's times are of another machine, so only ratios compare.",
        f"To measure again: python -m harness.run --table {table.id}{_commit(record)}.",
    )


def _of_batches(where: str, record: MeasuredTable) -> tuple[str, ...]:
    height, width = record["size"]
    return (
        f"{where}, images of {height}x{width} in batches of {record['batch']}: milliseconds an image of a whole "
        "training step, and of the test feature without flip.",
        "Parameters in millions, learnable ones without classifiers; printed ones follow no single rule and agree "
        "within 0.15.",
    )


def _of_queries(where: str, record: MeasuredTable) -> tuple[str, ...]:
    galleries = " or ".join(count(images) for images in record["gallery"].values())
    return (
        f"{where}: milliseconds of one query, from its image as a tensor on the device to its feature at batch 1, "
        f"without flip, then cosine similarity with {galleries} random gallery features and a full sort.",
        "Parameters in millions, those that the matched feature depends on.",
    )


def _commit(record: MeasuredTable) -> str:
    revision, changed = record["git"]["revision"], ", its files changed" if record["git"]["dirty"] else ""
    return f"; these figures are of commit {revision[:12]}{changed}" if revision else ""
