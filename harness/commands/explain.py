"""The verb ``explain``: find the protocol switches that close the gap to the published figure, without training."""

from __future__ import annotations

from harness.analysis import explain as explanation
from harness.commands.recorded_cells import records_of
from harness.commands.request import Request
from harness.results.record import record_label
from harness.results.store import existing


def execute(request: Request) -> int:
    """Print one ladder per record of the cell. Returns 0."""
    store = existing(request.results)
    for record in records_of(request.cells[0], store, request):
        print(record_label(record))
        ladder = explanation.explain(record, store)
        print("\n".join(explanation.as_text(ladder)))
    return 0
