"""The page of one table, and the files beside it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.reporting.complexity import complexity_csv, complexity_latex, complexity_table
from harness.reporting.copies import latex, long_csv
from harness.reporting.counts import count_table, counts_csv, counts_latex
from harness.reporting.files_beside import FileBeside, files_beside
from harness.reporting.headline import headline, reasons
from harness.reporting.layout import Layout
from harness.reporting.mechanism import mechanism_curves
from harness.reporting.others import others_table
from harness.reporting.sections import group_section
from harness.reporting.sources import Sources, method_page
from harness.reporting.states import count_states


@dataclass(frozen=True)
class TablePage:
    """The text of a page, and the files beside it."""

    text: str
    files: tuple[FileBeside, ...]


def table_page(sources: Sources, layout: Layout) -> TablePage:
    """The page of a table."""
    table = layout.table
    latex_copy, csv_copy = _copies(sources, layout)
    mechanisms = mechanism_curves(layout)
    sections = [
        group_section(layout, group, sources.orderings[table.id, group], sources.stored, sources.images)
        for group in layout.measured
    ]
    text = sources.environment.get_template("table.html").render(
        layout=layout,
        table=table,
        paper=table.paper,
        method_page=method_page(table.method),
        states_of_cells=count_states(shown.cell.word for shown in layout.shown_cells),
        headline=headline(layout),
        reasons=reasons(layout),
        counts=count_table(table, sources.counts),
        complexity=complexity_table(table, sources.measured.get(table.id)),
        mechanisms=mechanisms,
        sections=sections,
        others=others_table(table, sources.imported),
        damaged=sources.damaged_of(table),
        latex=latex_copy,
        csv=csv_copy,
        live=sources.live,
    )
    return TablePage(text, tuple(files_beside(table, sections, mechanisms, latex_copy, csv_copy)))


def _copies(sources: Sources, layout: Layout) -> tuple[str, str]:
    """LaTeX and CSV of the page's main table."""
    table, measured = layout.table, sources.measured.get(layout.table.id)
    if counted := count_table(table, sources.counts):
        return counts_latex(counted), counts_csv(table.id, counted)
    if measured and (compared := complexity_table(table, measured)):
        return complexity_latex(compared), complexity_csv(table, measured)
    return latex(layout), long_csv(layout)
