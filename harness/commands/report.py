"""The verb ``report``: pages from the records in a results folder."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from harness.commands.request import Request
from harness.commands.watching import watch
from harness.reporting.known_records import known_records
from harness.reporting.pages import write_report
from harness.results.store import Store, existing
from harness.tables import table, tables


def execute(request: Request) -> int:
    """Write the pages, and name the records that have no place in a table. Returns 0, for a watch that is ended too."""
    chosen = {table_id: table(table_id) for table_id in request.tables or tables()}
    store = existing(request.results)
    if request.watch:
        place = request.report / (f"{request.tables[0]}.html" if request.tables else "index.html")
        print(f"watching {request.results}: open {place}; Ctrl-C ends", flush=True)
        watch(store, request.report, chosen, lambda changed: _write(request, store, changed, live=True))
        return 0
    pages = _write(request, store, request.tables, live=False)
    print(f"open {pages[0] if request.tables else pages[-1]}")
    return 0


def _write(request: Request, store: Store, only: Collection[str], live: bool) -> list[Path]:
    """Write the pages of these tables, of all if there are none, and say what was found."""
    found = store.find_records()
    records, left_out = known_records(found.records, tables())
    for sentence in [*(each.sentence for each in left_out), *(f"damaged: {each.sentence}" for each in found.damaged)]:
        print(sentence)
    pages = write_report(
        records, tables(), request.results, request.report, request.images, only, found.damaged, left_out, live
    )
    damaged = f", {len(found.damaged)} damaged" if found.damaged else ""
    print(f"{len(records)} records{damaged}, {len(pages)} pages", end="\n" if live else "; ", flush=True)
    return pages
