"""Carry out a plan in this process, one run after another."""

from __future__ import annotations

import traceback
from itertools import groupby
from typing import Any

from harness.errors import BadInput, TrainingFailed
from harness.execution.evaluating import evaluate_cells, identity
from harness.execution.receipt import command, git_state
from harness.execution.training import Workplace, trained
from harness.plan import Plan, PlannedCell, Run
from harness.store import Record

LOG_TAIL = 25
"""Lines of log and traceback kept in a failed record."""


def pending(plan: Plan) -> list[PlannedCell]:
    """Cells that have to be run."""
    return [planned for planned in plan.cells if planned.state in ("fresh", "stale", "failed")]


def carry_out(plan: Plan, place: Workplace, keep_images: bool) -> list[Record]:
    """Run every pending cell and return the records written. A cell that fails leaves its record and stops no other."""
    git = git_state()
    records: list[Record] = []
    for run in plan.runs.values():
        cells = [planned for planned in pending(plan) if planned.run is run]
        if cells:
            records += _run_and_evaluate(run, cells, place, keep_images, git)
    return records


def _run_and_evaluate(
    run: Run, cells: list[PlannedCell], place: Workplace, keep_images: bool, git: dict[str, Any]
) -> list[Record]:
    try:
        for ancestor in _ancestors(run):
            trained(ancestor, place)
        manifest = trained(run, place)
    except (BadInput, KeyboardInterrupt):
        raise
    except Exception as error:
        return _failed(run, cells, place, error, git)
    records: list[Record] = []
    for _, group in groupby(cells, key=lambda planned: planned.cell.dataset):
        same_dataset = list(group)
        try:
            found = evaluate_cells(run, manifest, same_dataset, place, keep_images, git)
        except (BadInput, KeyboardInterrupt):
            raise
        except Exception as error:
            found = _failed(run, same_dataset, place, error, git)
        for record in found:
            place.watch.step(_line(record))
        records += found
    return records


def _ancestors(run: Run) -> list[Run]:
    """The runs that this one starts from, first things first."""
    return [*_ancestors(run.parent), run.parent] if run.parent else []


def _line(record: Record) -> str:
    if record["status"] == "failed":
        return f"✗ {record['cell']}: {record['cause']['kind']}: {record['cause']['message']}"
    metrics = record["metrics"]
    return f"✓ {record['cell']}: mAP {metrics['map']:.1f}, Rank-1 {metrics['rank1']:.1f} ({record['verdict']['word']})"


def _failed(
    run: Run, cells: list[PlannedCell], place: Workplace, error: Exception, git: dict[str, Any]
) -> list[Record]:
    """Write a failed record for each cell: the typed cause and the end of the log."""
    log = place.store.run_folder(run.id) / "log.txt"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    lines += "".join(traceback.format_exception(error)).splitlines()
    records = []
    for planned in cells:
        cell = planned.cell
        before = place.store.record(cell.table, cell.row, cell.dataset, cell.profile, cell.seed)
        attempts = before["cause"]["attempts"] if before and before["status"] == "failed" else 0
        kind = failure_kind(error)
        record = {
            **identity(planned),
            "status": "failed",
            "cause": {
                "kind": kind,
                "message": " ".join(str(error).split())[:500] or type(error).__name__,
                "log_tail": lines[-LOG_TAIL:],
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
        place.store.write_record(record)
        records.append(record)
    return records


def failure_kind(error: BaseException) -> str:
    """The typed cause of a failure."""
    if isinstance(error, TrainingFailed):
        return error.kind
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out of memory"
    if isinstance(error, RuntimeError) and "out of memory" in str(error).lower():
        return "out of memory"
    if isinstance(error, FileNotFoundError):
        return "missing data"
    return "error"
