"""Writes the report: one page per table, and an index of all tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps

import harness
from harness.errors import BadInput
from harness.files.atomic import write_atomically
from harness.reporting import wording
from harness.reporting.cells import PROFILE_ORDER
from harness.reporting.complexity import complexity_csv, complexity_latex, complexity_table
from harness.reporting.copies import latex, long_csv
from harness.reporting.counts import count_table, counts_csv, counts_latex
from harness.reporting.files_beside import chart_path, files_beside
from harness.reporting.headline import headline, reasons
from harness.reporting.layout import Layout, lay_out
from harness.reporting.sections import GroupSection, group_section
from harness.results.reading import Damaged
from harness.results.record import Counts, MeasuredTable, Record
from harness.results.sentences import computation_sentence, start_sentence
from harness.results.store import Store
from harness.results.stored import StoredArrays
from harness.tables import Paper, Table

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class IndexEntry:
    """One line of the index. ``page`` is the file to link, empty where none was written.

    ``without_cells`` is the state of a table that has no cells to count.
    """

    table: Table
    page: str
    without_cells: str
    cells: Mapping[str, int]
    verdicts: Mapping[str, int]
    profile: str


@dataclass(frozen=True)
class _Sources:
    """Everything that pages are made from, beside the records of their table."""

    environment: Environment
    stored: StoredArrays
    counts: Mapping[str, Counts]
    measured: Mapping[str, MeasuredTable]
    damaged: Sequence[Damaged]
    images: bool


def write_report(
    records: Sequence[Record],
    tables: Mapping[str, Table],
    results: Path,
    report: Path,
    images: bool = False,
    only: Collection[str] = (),
    damaged: Sequence[Damaged] = (),
) -> list[Path]:
    """Write ``<report>/<table id>.html`` per table with its files for papers, and ``<report>/index.html`` for all.

    The same input gives the same bytes.

    Args:
        records: Records that have a place in the tables.
        tables: All tables by id.
        results: The results folder, which holds the arrays of the records.
        report: The folder for the pages.
        images: Whether images of real datasets are shown; those of the embedded datasets always are.
        only: Ids of the tables whose pages are written; all if empty.
        damaged: Record files that cannot be used; they are named on the index and on the page of their table.

    Returns:
        The pages written, the index last.

    Raises:
        BadInput: ``report`` cannot be written.
    """
    store = Store(results)
    (counts, damaged_counts), (measured, damaged_tables) = store.counts(), store.measured_tables()
    every = [*damaged, *damaged_counts, *damaged_tables]
    sources = _Sources(_environment(), StoredArrays(results), counts, measured, every, images)
    layouts = {table.id: lay_out(table, records) for table in tables.values()}
    written = []
    for table_id in only or tables:
        written.append(_write_table(sources, layouts[table_id], report))
    return [*written, _write(report / "index.html", _index_page(sources, list(layouts.values()), report).encode())]


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
        *(wording.count, wording.item, start_sentence, computation_sentence),
    ):
        environment.filters[written.__name__] = written
    environment.filters["page_json"] = partial(htmlsafe_json_dumps, separators=(",", ":"))
    environment.globals |= {
        "marks": wording.VERDICT_MARKS,
        "claim_marks": wording.CLAIM_MARKS,
        "dash": wording.DASH,
        "chart_path": chart_path,
        "version": harness.__version__,
    }
    return environment


def _write_table(sources: _Sources, layout: Layout, report: Path) -> Path:
    """Write a table's page, and the files beside it."""
    sections = [group_section(layout, group, sources.stored, sources.images) for group in layout.measured]
    copies = _copies(sources, layout)
    for file in files_beside(layout.table, sections, *copies):
        _write(report / file.path, file.content)
    page = _table_page(sources, layout, sections, copies)
    return _write(report / f"{layout.table.id}.html", page.encode())


def _table_page(sources: _Sources, layout: Layout, sections: Sequence[GroupSection], copies: tuple[str, str]) -> str:
    table = layout.table
    complexity = complexity_table(table, sources.measured.get(table.id))
    latex_copy, csv_copy = copies
    return sources.environment.get_template("table.html").render(
        layout=layout,
        table=table,
        paper=table.paper,
        headline=headline(layout),
        reasons=reasons(layout),
        counts=count_table(table, sources.counts),
        complexity=complexity,
        sections=sections,
        damaged=_named(sources, [each for each in sources.damaged if _is_of(each, table)]),
        latex=latex_copy,
        csv=csv_copy,
    )


def _is_of(damaged: Damaged, table: Table) -> bool:
    """Whether a damaged file belongs to a table. Every table of datasets shows the counts of all."""
    return damaged.table == table.id or (table.prints_counts and damaged.path.parent.name == "datasets")


def _named(sources: _Sources, damaged: Sequence[Damaged]) -> list[tuple[str, str]]:
    """Path, relative to the results folder, and reason of each damaged file."""
    return [(each.path.relative_to(sources.stored.results).as_posix(), each.reason) for each in damaged]


def _copies(sources: _Sources, layout: Layout) -> tuple[str, str]:
    """LaTeX and CSV of the page's main table."""
    table, measured = layout.table, sources.measured.get(layout.table.id)
    if counted := count_table(table, sources.counts):
        return counts_latex(counted), counts_csv(table.id, counted)
    if measured and (compared := complexity_table(table, measured)):
        return complexity_latex(compared), complexity_csv(table, measured)
    return latex(layout), long_csv(layout)


def _index_page(sources: _Sources, layouts: Sequence[Layout], report: Path) -> str:
    by_paper: dict[str, tuple[Paper, list[IndexEntry]]] = {}
    for layout in layouts:
        state = _without_cells(layout.table, sources)
        entries = by_paper.setdefault(layout.table.method, (layout.table.paper, []))[1]
        entries.append(_entry(layout, state, report))
    damaged = _named(sources, sources.damaged)
    return sources.environment.get_template("index.html").render(papers=by_paper, damaged=damaged)


def _without_cells(table: Table, sources: _Sources) -> str:
    if counted := count_table(table, sources.counts):
        return "counted" if counted.anything_found else "not counted yet"
    if table.prints_complexity:
        return "measured" if complexity_table(table, sources.measured.get(table.id)) else "not measured yet"
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


def _write(path: Path, content: bytes) -> Path:
    try:
        write_atomically(path, lambda file: file.write(content))
    except BadInput as error:
        raise BadInput(
            f"{path.parent}: pages cannot be written here ({error.__cause__}); choose another folder with --report"
        ) from error
    return path
