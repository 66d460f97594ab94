"""The verb ``compare``: the difference of two cells, with interval and p-value."""

from __future__ import annotations

from harness.analysis.compare import comparison
from harness.commands.recorded_cells import records_of
from harness.commands.request import Request
from harness.results.store import existing


def execute(request: Request) -> int:
    """Print the difference, metric by metric. Returns 0."""
    store = existing(request.results)
    first, second = (records_of(address, store, request) for address in request.cells)
    for line in comparison(first, second, store):
        print(line)
    return 0
