"""Files beside a table's page, for papers: charts as SVG and PDF, tables as LaTeX and CSV."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.files.names import dataset_stem
from harness.reporting.tabular import plain_booktabs, plain_csv
from harness.reporting.wording import DASH, metric_name, signed
from harness.tables import Table

if TYPE_CHECKING:
    # They draw charts. A model card and the page of a search have none, and need no matplotlib.
    from harness.reporting.cells import Group
    from harness.reporting.mechanism import MechanismCurve
    from harness.reporting.orderings import Ordering
    from harness.reporting.sections import GroupSection

FOLDER = "files"
"""Folder of the files, beside the pages."""

CLAIM_HEADINGS = ("Claim", "Metric", "Difference", "From", "To", "On these records")


@dataclass(frozen=True)
class FileBeside:
    """A file and its path below the folder of the pages."""

    path: str
    content: bytes


def chart_path(table: Table, group: Group, title: str) -> str:
    """Path of a chart's files below the folder of the pages, without ``.svg`` or ``.pdf``."""
    return f"{FOLDER}/{table.id}-{dataset_stem(group.dataset)}-{group.profile}-{_slug(title)}"


def curve_path(curve: MechanismCurve) -> str:
    """Path of a curve's files below the folder of the pages, without ``.svg`` or ``.pdf``."""
    return f"{FOLDER}/{curve.table}-{_slug(curve.title)}"


def files_beside(
    table: Table, sections: Sequence[GroupSection], mechanisms: Sequence[MechanismCurve], latex: str, csv: str
) -> Iterator[FileBeside]:
    """Every chart of a page as SVG and PDF, and every table as LaTeX and CSV.

    Args:
        table: The table of the page.
        sections: Everything below it.
        mechanisms: Its curves, if it is a table of a mechanism.
        latex: The table itself in LaTeX.
        csv: The table itself as CSV.
    """
    yield FileBeside(f"{FOLDER}/{table.id}.tex", latex.encode())
    yield FileBeside(f"{FOLDER}/{table.id}.csv", csv.encode())
    for curve in mechanisms:
        yield FileBeside(f"{curve_path(curve)}.svg", curve.drawing.svg)
        yield FileBeside(f"{curve_path(curve)}.pdf", curve.drawing.pdf)
    for section in sections:
        for chart in section.charts:
            path = chart_path(table, section.group, chart.title)
            yield FileBeside(f"{path}.svg", chart.drawing.svg)
            yield FileBeside(f"{path}.pdf", chart.drawing.pdf)
        if section.cost.rows:
            lines = [[row, *numbers] for row, numbers in section.cost.rows]
            yield from _table(chart_path(table, section.group, "cost"), ["Row", *section.cost.headings], lines)
        if section.orderings:
            lines = [_claim(ordering) for ordering in section.orderings]
            yield from _table(chart_path(table, section.group, "claims"), CLAIM_HEADINGS, lines)


def _table(path: str, headings: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[FileBeside]:
    rows = list(lines)
    yield FileBeside(f"{path}.tex", plain_booktabs(headings, rows).encode())
    yield FileBeside(f"{path}.csv", plain_csv(headings, rows).encode())


def _claim(ordering: Ordering) -> list[str]:
    claim, checked = ordering.claim, ordering.checked
    name = f"{claim.better} > {claim.worse}"
    if checked is None:
        remark = ordering.remark or f"not measured: {', '.join(ordering.missing)}"
        return [name, metric_name(claim.metric), DASH, DASH, DASH, remark]
    figures = [signed(each) for each in (checked.difference, *checked.interval)]
    return [name, metric_name(claim.metric), *figures, checked.word]


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
