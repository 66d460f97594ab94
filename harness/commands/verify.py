"""The verb ``verify``: score a record again from what is stored."""

from __future__ import annotations

from harness.analysis.verify import disagreements
from harness.commands.recorded_cells import records_of
from harness.commands.request import Request
from harness.results.imported import is_imported, note_verification
from harness.results.record import record_label, require_done
from harness.results.store import existing


def execute(request: Request) -> int:
    """Print each disagreement. Returns 0 when all that is stored agrees with its record, else 1.

    A record of an imported folder that agrees is shown as verified from then on. Raises BadInput for a failed record.
    """
    store = existing(request.results)
    wrong = 0
    for record in records_of(request.cells[0], store, request):
        label = record_label(record)
        found = list(disagreements(require_done(record, "verify"), store))
        wrong += bool(found)
        if is_imported(store):
            note_verification(store, require_done(record, "verify"), agrees=not found)
        for sentence in found:
            print(f"✗ {label}: {sentence}")
        if not found:
            print(f"✓ {label}: scored again from what is stored, every figure agrees")
    return 1 if wrong else 0
