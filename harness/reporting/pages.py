"""Writes the report: a page a table and an index of all tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import harness
from harness.errors import BadInput
from harness.reporting import wording
from harness.reporting.artefacts import Artefacts
from harness.reporting.cells import PROFILE_ORDER
from harness.reporting.complexity import complexity_csv, complexity_latex, complexity_table
from harness.reporting.copies import latex, long_csv
from harness.reporting.counts import count_table, counts_csv, counts_latex
from harness.reporting.headline import headline, reasons
from harness.reporting.layout import Layout, lay_out
from harness.reporting.sections import group_section
from harness.store import Record, Store, write_atomically
from harness.tables import Paper, Table

TEMPLATES = Path(harness.__file__).parents[1] / "reports" / "templates"


@dataclass(frozen=True)
class IndexEntry:
    """One line of the index. ``page`` is the file to link, empty where none was written.

    ``without_cells`` says how a table stands that has no cells to count.
    """

    table: Table
    page: str
    without_cells: str
    cells: Mapping[str, int]
    verdicts: Mapping[str, int]
    profile: str


def write_report(
    records: Sequence[Record],
    tables: Mapping[str, Table],
    results: Path,
    report: Path,
    images: bool = False,
    only: Collection[str] = (),
) -> list[Path]:
    """Write ``<report>/<table id>.html`` for each table (or those in ``only``) and ``<report>/index.html`` for all.

    ``records`` are validated records, ``results`` the folder that holds their arrays; images of datasets other than the
    embedded one are shown only when ``images`` is asked. Returns the pages written, the index last. The same input
    gives the same bytes. Raises BadInput when ``report`` cannot be written.
    """
    environment = _environment()
    store = Store(results)
    counts, complexities = store.counts(), store.complexities()
    layouts = {table.id: lay_out(table, records) for table in tables.values()}
    written = []
    for table_id in only or tables:
        complexity = complexities.get(table_id)
        text = _table_page(environment, layouts[table_id], Artefacts(results), counts, complexity, images)
        written.append(_write(report / f"{table_id}.html", text))
    states = {table.id: _without_cells(table, counts, complexities.get(table.id)) for table in tables.values()}
    index = _index_page(environment, list(layouts.values()), states, report)
    return [*written, _write(report / "index.html", index)]


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for written in (
        *(wording.metric_name, wording.printed, wording.fixed, wording.significant, wording.signed),
        *(wording.count, wording.item),
    ):
        environment.filters[written.__name__] = written
    environment.globals |= {
        "marks": wording.VERDICT_MARKS,
        "claim_marks": wording.CLAIM_MARKS,
        "dash": wording.DASH,
        "version": harness.__version__,
    }
    return environment


def _table_page(
    environment: Environment,
    layout: Layout,
    artefacts: Artefacts,
    counts: Mapping[str, Record],
    complexity: Record | None,
    images: bool,
) -> str:
    latex_copy, csv_copy = _copies(layout, counts, complexity)
    return environment.get_template("table.html").render(
        layout=layout,
        table=layout.table,
        paper=layout.table.paper,
        headline=headline(layout),
        reasons=reasons(layout),
        counts=count_table(layout.table, counts),
        complexity=complexity_table(layout.table, complexity),
        sections=[group_section(layout, group, artefacts, images) for group in layout.measured],
        latex=latex_copy,
        csv=csv_copy,
    )


def _copies(layout: Layout, counts: Mapping[str, Record], complexity: Record | None) -> tuple[str, str]:
    """LaTeX and CSV of the page's main table."""
    if counted := count_table(layout.table, counts):
        return counts_latex(counted), counts_csv(layout.table.id, counted)
    if complexity and (compared := complexity_table(layout.table, complexity)):
        return complexity_latex(compared), complexity_csv(layout.table, complexity)
    return latex(layout), long_csv(layout)


def _index_page(
    environment: Environment, layouts: Sequence[Layout], without_cells: Mapping[str, str], report: Path
) -> str:
    by_paper: dict[str, tuple[Paper, list[IndexEntry]]] = {}
    for layout in layouts:
        method = layout.table.method
        by_paper.setdefault(method, (layout.table.paper, []))[1].append(
            _entry(layout, without_cells[layout.table.id], report)
        )
    return environment.get_template("index.html").render(papers=by_paper)


def _without_cells(table: Table, counts: Mapping[str, Record], complexity: Record | None) -> str:
    if counted := count_table(table, counts):
        return "counted" if counted.anything_found else "not counted yet"
    if table.prints_complexity:
        return "measured" if complexity_table(table, complexity) else "not measured yet"
    return "quoted only"


def _entry(layout: Layout, without_cells: str, report: Path) -> IndexEntry:
    cells = [shown.cell for shown in layout.shown_cells]
    profiles = [group.profile for group in layout.measured if group.profile]
    page = f"{layout.table.id}.html"
    return IndexEntry(
        layout.table,
        page if (report / page).exists() else "",
        without_cells,
        Counter(cell.status for cell in cells),
        Counter(cell.word for cell in cells if cell.done),
        min(profiles, key=PROFILE_ORDER.index, default=""),
    )


def _write(path: Path, text: str) -> Path:
    try:
        write_atomically(path, lambda file: file.write(text.encode()))
    except BadInput as error:
        raise BadInput(
            f"{path.parent}: pages cannot be written here ({error.__cause__}); choose another folder with --report"
        ) from error
    return path
