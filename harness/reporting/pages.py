"""Writes the report: one page per table, one per method, and an index of all tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from harness.reporting.board import board_methods
from harness.reporting.index_page import index_page
from harness.reporting.known_records import LeftOut
from harness.reporting.layout import lay_out
from harness.reporting.method_pages import method_page_text
from harness.reporting.orderings import orderings
from harness.reporting.page_files import write_file, write_page
from harness.reporting.sources import Sources, method_page
from harness.reporting.table_page import table_page
from harness.reporting.templating import environment
from harness.results.imported import imported_records
from harness.results.reading import Damaged
from harness.results.record import Record
from harness.results.store import Store
from harness.results.stored import StoredArrays
from harness.tables import Table

INDEX = "index.html"


def write_report(
    records: Sequence[Record],
    tables: Mapping[str, Table],
    results: Path,
    report: Path,
    images: bool = False,
    only: Collection[str] = (),
    damaged: Sequence[Damaged] = (),
    left_out: Sequence[LeftOut] = (),
    live: bool = False,
) -> list[Path]:
    """Write ``<report>/<table id>.html`` per table with its files for papers, a page per method, and the index.

    The same input gives the same bytes.

    Args:
        records: Records that have a place in the tables.
        tables: All tables by id.
        results: The results folder, which holds the arrays of the records.
        report: The folder for the pages.
        images: Whether images of real datasets are shown; those of the embedded datasets always are.
        only: Ids of the tables whose pages are written, with those of their methods; all if empty.
        damaged: Record files that cannot be used; each is named on the index, on the page of its table, in its cell.
        left_out: Records without a place in the tables; the index names them.
        live: Whether the pages look for newer ones by themselves (``harness.reporting.live``).

    Returns:
        The pages written: the tables' in the order of ``tables``, then the methods', the index last.

    Raises:
        BadInput: ``report`` cannot be written.
    """
    sources = _sources(records, tables, results, images, damaged, left_out, live)
    chosen = [table for table in tables.values() if not only or table.id in only]
    written = [_write_table(sources, table, report) for table in chosen]
    methods = list(dict.fromkeys(table.method for table in chosen))
    pages = frozenset({path.name for path in report.glob("*.html")} | {method_page(method) for method in methods})
    board = board_methods(sources, pages)
    for method in (each for each in board if each.id in methods):
        written.append(write_page(report / method_page(method.id), method_page_text(sources, method, board)))
    return [*written, write_page(report / INDEX, index_page(sources, board))]


def _write_table(sources: Sources, table: Table, report: Path) -> Path:
    """Write a table's page, and the files beside it."""
    page = table_page(sources, sources.layouts[table.id])
    for file in page.files:
        write_file(report / file.path, file.content)
    return write_page(report / f"{table.id}.html", page.text)


def _sources(
    records: Sequence[Record],
    tables: Mapping[str, Table],
    results: Path,
    images: bool,
    damaged: Sequence[Damaged],
    left_out: Sequence[LeftOut],
    live: bool,
) -> Sources:
    store, stored = Store(results), StoredArrays(results)
    (counts, damaged_counts), (measured, damaged_tables) = store.counts(), store.measured_tables()
    layouts = {table.id: lay_out(table, records, damaged) for table in tables.values()}
    checked = {
        (table_id, group): orderings(layout, group, stored)
        for table_id, layout in layouts.items()
        for group in layout.measured
    }
    every = [*damaged, *damaged_counts, *damaged_tables]
    imported = list(imported_records(store))
    return Sources(environment(), stored, layouts, checked, counts, measured, every, left_out, imported, images, live)
