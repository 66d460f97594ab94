"""The verb ``roc``: true positive rates at false positive rates, over all pairs of a query and a gallery image."""

from __future__ import annotations

from harness.analysis.operating_points import as_text, record_roc
from harness.commands.recorded_cells import records_of
from harness.commands.request import Request
from harness.results.record import record_label
from harness.results.store import existing


def execute(request: Request) -> int:
    """Print the rates of each record of the cell. Returns 0."""
    store = existing(request.results)
    for record in records_of(request.cells[0], store, request):
        print(record_label(record))
        print("\n".join(as_text(record_roc(record, store))))
    return 0
