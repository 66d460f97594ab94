"""The table for a paper (LaTeX, booktabs) and for a spreadsheet (CSV, one figure a line)."""

from __future__ import annotations

import csv
import io

from harness.reporting.cells import Cell, Column, Group, Measured
from harness.reporting.layout import Layout, ShownRow
from harness.reporting.wording import DASH, fixed, metric_name, printed, significant

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "°": r"$^\circ$",
    "–": "--",
    "−": "$-$",
    "±": r"$\pm$",
} | {symbol: "\\" + symbol for symbol in "&%$#_{}"}

CSV_HEADER = (
    *("table", "group", "row", "dataset", "profile", "metric", "published"),
    *("measured", "spread", "seeds", "low95", "high95", "difference", "verdict"),
)


def escape_latex(text: str) -> str:
    """Text that LaTeX prints as it stands (UTF-8 input)."""
    return "".join(_LATEX.get(symbol, symbol) for symbol in text)


def latex(layout: Layout) -> str:
    """The table as a booktabs ``tabular``; measured columns only where something was measured."""
    blocks = [block for column in layout.columns for block in _blocks(column)]
    widths = [len(metrics) for _, _, metrics in blocks]
    lines = [
        "% needs \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{l{'r' * sum(widths)}}}",
        "\\toprule",
        _spanning([title for title, _, _ in blocks], widths),
        _spanning([source for _, source, _ in blocks], widths),
        _cmidrules(widths),
        _line(["Row", *(metric_name(metric) for _, _, metrics in blocks for metric in metrics)]),
        "\\midrule",
    ]
    lines += [_line([row.row.key, *_values(row, layout)]) for row in layout.rows]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def _blocks(column: Column) -> list[tuple[str, str, tuple[str, ...]]]:
    """(dataset, source, metrics) of the column's published and measured parts."""
    published = [(column.title, "published", column.printed)] if column.printed else []
    measured = [(group, group.profile) for group in column.groups if group.profile]
    return published + [(column.title, f"measured, {profile}", group.measured) for group, profile in measured]


def _values(row: ShownRow, layout: Layout) -> list[str]:
    values = []
    for column in layout.columns:
        values += row.published(column)
        for group in column.groups:
            if group.profile:
                values += _measured(row.cells[group].cell)
    return values


def _measured(cell: Cell) -> list[str]:
    if cell.status != "done":
        return [DASH if cell.status == "quoted" else cell.status] * len(cell.group.measured)
    costs = [significant(cost.value) for cost in cell.costs.values()]
    return [*(_with_spread(figure) for figure in cell.figures.values()), *costs]


def _with_spread(figure: Measured) -> str:
    mean = fixed(figure.mean, figure.decimals)
    return mean if figure.spread is None else f"{mean} ± {fixed(figure.spread, figure.decimals)}"


def _line(values: list[str]) -> str:
    return " & ".join(escape_latex(value) for value in values) + r" \\"


def _spanning(titles: list[str], widths: list[int]) -> str:
    spans = [
        f"\\multicolumn{{{width}}}{{c}}{{{escape_latex(title)}}}" for title, width in zip(titles, widths, strict=True)
    ]
    return " & ".join(["", *spans]) + r" \\"


def _cmidrules(widths: list[int]) -> str:
    rules, left = [], 2
    for width in widths:
        rules.append(f"\\cmidrule(lr){{{left}-{left + width - 1}}}")
        left += width
    return "".join(rules)


def long_csv(layout: Layout) -> str:
    """Every figure on a line of its own: published as printed, measured unrounded to four decimals."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for row in layout.rows:
        for column in layout.columns:
            for profile, metric, group in _metrics(column):
                address = [layout.table.id, row.row.group, row.row.key, column.id, profile or "", metric]
                figure = row.row.published.get(column.id, {}).get(metric)
                published = "" if figure is None else printed(figure)
                cell = row.cells[group].cell if group else None
                writer.writerow([*address, published, *_csv_measured(cell, metric)])
    return buffer.getvalue()


def _metrics(column: Column) -> list[tuple[str | None, str, Group | None]]:
    """(profile, metric, group) of each line of a column; metrics that cannot be measured have no group."""
    measured = {metric for group in column.groups for metric in group.measured}
    unmeasured: list[tuple[str | None, str, Group | None]] = [
        (None, metric, None) for metric in column.printed if metric not in measured
    ]
    return unmeasured + [(group.profile, metric, group) for group in column.groups for metric in group.measured]


def _csv_measured(cell: Cell | None, metric: str) -> list[str]:
    if cell is None:
        return [""] * 7
    if metric in cell.costs:
        value = cell.costs[metric].value
        return ["" if value is None else f"{value:.4g}", "", "1", *[""] * 4]
    figure = cell.figures.get(metric)
    if figure is None:
        return [*[""] * 6, cell.status]
    low, high = figure.interval or (None, None)
    numbers = [figure.mean, figure.spread, len(figure.values), low, high, figure.difference]
    return [*("" if number is None else f"{round(number, 4):g}" for number in numbers), figure.verdict.word]
