"""The verb ``report``: pages from the records in a results folder."""

from __future__ import annotations

from harness.commands.request import Request
from harness.reporting import write_report
from harness.reporting.known_records import known_records
from harness.results.store import existing
from harness.tables import table, tables


def execute(request: Request) -> int:
    """Write the pages, and name the records that no page shows. Returns 0."""
    for table_id in request.tables:
        table(table_id)
    found = existing(request.results).find_records()
    records, left_out = known_records(found.records, tables())
    for sentence in [*(each.sentence for each in left_out), *(f"damaged: {each.sentence}" for each in found.damaged)]:
        print(sentence)
    pages = write_report(
        records, tables(), request.results, request.report, request.images, request.tables, found.damaged
    )
    damaged = f", {len(found.damaged)} damaged" if found.damaged else ""
    print(f"{len(records)} records{damaged}, {len(pages)} pages; open {pages[0] if request.tables else pages[-1]}")
    return 0
