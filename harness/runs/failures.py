"""Failed records: the typed cause of a run's failure and the end of its log."""

from __future__ import annotations

from harness.errors import BadInput
from harness.machine.revision import git_state
from harness.plan.plan import PlannedCell
from harness.results.record import FailedRecord, Record
from harness.results.store import Store
from harness.runs.causes import failure_kind, failure_message, failure_trace
from harness.runs.receipt import command
from harness.runs.recording import cell_fields

LOG_TAIL_LINES = 25
"""Lines of log and traceback kept in a failed record."""


def record_failure(cells: list[PlannedCell], store: Store, error: Exception) -> list[Record]:
    """Write the failed record of each cell and return them. A cell that got its record before the error keeps it."""
    records: list[Record] = []
    for planned in cells:
        before = _usable(planned, store)
        if before is None or before["status"] == "failed" or before["evaluation_id"] != planned.evaluation_id:
            attempts = before["cause"]["attempts"] if before and before["status"] == "failed" else 0
            failed = _failed_record(planned, store, error, attempts + 1)
            store.write_record(failed)
            records.append(failed)
        else:
            records.append(before)
    return records


def _usable(planned: PlannedCell, store: Store) -> Record | None:
    try:
        return store.record(planned.cell)
    except BadInput:
        return None


def _failed_record(planned: PlannedCell, store: Store, error: Exception, attempts: int) -> FailedRecord:
    log = store.run_folder(planned.needed_run.id) / "log.txt"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    kind = failure_kind(error)
    record: FailedRecord = {
        **cell_fields(planned),
        "status": "failed",
        "cause": {
            "kind": kind,
            "message": failure_message(error),
            "log_tail": [*lines, *failure_trace(error)][-LOG_TAIL_LINES:],
            "attempts": attempts,
        },
        "evaluation": None,
        "evaluation_id": None,
        "metrics": {},
        "verdict": {"word": "failed", "reason": kind, "reasons": [kind], "metrics": {}},
        "receipt": {"git": git_state(), "command": command(planned)},
    }
    return record
