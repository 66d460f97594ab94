"""What is kept of a run that failed: its typed cause and the end of its log, in the records of its cells."""

from __future__ import annotations

from typing import Any

from harness.cell import Cell
from harness.plan.plan import PlannedCell, Run
from harness.results.record import Record
from harness.results.store import Store
from harness.runs.causes import failure_kind, failure_message, failure_trace
from harness.runs.receipt import command
from harness.runs.recording import identity

LOG_TAIL = 25
"""Lines of log and traceback kept in a failed record."""


def failed_records(
    run: Run, cells: list[PlannedCell], store: Store, error: Exception, git: dict[str, Any]
) -> list[Record]:
    """Write the failed record of each cell and return them; a cell that got its record before the error keeps that."""
    records = []
    for planned in cells:
        record = recorded(planned.cell, store)
        if record is None or record["status"] == "failed" or record["evaluation_id"] != planned.evaluation_id:
            record = _failed_record(run, planned, store, error, git)
            store.write_record(record)
        records.append(record)
    return records


def recorded(cell: Cell, store: Store) -> Record | None:
    """The record that a cell has now."""
    return store.record(cell.table, cell.row, cell.dataset, cell.profile, cell.seed)


def _failed_record(run: Run, planned: PlannedCell, store: Store, error: Exception, git: dict[str, Any]) -> Record:
    log = store.run_folder(run.id) / "log.txt"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    before = recorded(planned.cell, store)
    attempts = before["cause"]["attempts"] if before and before["status"] == "failed" else 0
    kind = failure_kind(error)
    return {
        **identity(planned),
        "status": "failed",
        "cause": {
            "kind": kind,
            "message": failure_message(error),
            "log_tail": [*lines, *failure_trace(error)][-LOG_TAIL:],
            "attempts": attempts + 1,
        },
        "run": run.id,
        "evaluation": None,
        "evaluation_id": None,
        "metrics": {},
        "published": planned.published,
        "verdict": {"word": "failed", "reason": kind, "reasons": [kind], "metrics": {}},
        "receipt": {"git": git, "command": command(planned)},
    }
