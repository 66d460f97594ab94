"""Carry out a plan on this machine, one run after another: in this process, or in children where runs need them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from harness.errors import Unwritable
from harness.execution.job import Job
from harness.execution.launching import launch
from harness.plan.plan import Plan, PlannedCell, Run
from harness.results.record import Record
from harness.runs.failures import failed_records
from harness.runs.receipt import git_state
from harness.runs.recording import evaluate_cells
from harness.runs.training import RunContext, ensure_trained


def pending(plan: Plan) -> list[PlannedCell]:
    """Cells that have to be run."""
    return [planned for planned in plan.cells if planned.state in ("fresh", "stale", "failed")]


def carry_out(plan: Plan, place: RunContext, keep_images: bool, timeout: float | None = None) -> list[Record]:
    """Run every pending cell and return the records written. A cell that fails leaves its record and stops no other.

    A run of several processes, or with a ``timeout`` (seconds without a sign of life), is carried out in children.
    Raises Unwritable where no record can be kept.
    """
    git = git_state()
    records: list[Record] = []
    for run in plan.runs.values():
        cells = [planned for planned in pending(plan) if planned.run is run]
        for record in _attempted(run, cells, place, keep_images, timeout, git) if cells else ():
            place.watch.step(described(record))
            records.append(record)
    return records


def carry_out_run(
    run: Run, cells: list[PlannedCell], place: RunContext, keep_images: bool, git: dict[str, Any]
) -> Iterator[Record]:
    """Train a run, after those it starts from, and evaluate its cells: their records, as they are written.

    Raises what training raises. An evaluation that fails leaves failed records, and the next dataset is evaluated.
    """
    for ancestor in ancestors(run):
        ensure_trained(ancestor, place)
    manifest = ensure_trained(run, place)
    for _, group in groupby(cells, key=lambda planned: planned.cell.dataset):
        same_dataset = list(group)
        try:
            found = evaluate_cells(run, manifest, same_dataset, place, keep_images, git)
        except (Unwritable, KeyboardInterrupt):
            raise
        except Exception as error:
            if place.world.size > 1:
                # The other processes are in the middle of that evaluation: they can only be ended with this one.
                raise
            found = failed_records(run, same_dataset, place.store, error, git)
        yield from found


def ancestors(run: Run) -> list[Run]:
    """The runs that this one starts from, first things first."""
    return [*ancestors(run.parent), run.parent] if run.parent else []


def described(record: Record) -> str:
    """A record in a line."""
    if record["status"] == "failed":
        return f"✗ {record['cell']}: {record['cause']['kind']}: {record['cause']['message']}"
    metrics = record["metrics"]
    return f"✓ {record['cell']}: mAP {metrics['map']:.1f}, Rank-1 {metrics['rank1']:.1f} ({record['verdict']['word']})"


def _attempted(
    run: Run,
    cells: list[PlannedCell],
    place: RunContext,
    keep_images: bool,
    timeout: float | None,
    git: dict[str, Any],
) -> Iterator[Record]:
    """Records of a run's cells, of one that fails failed ones."""
    try:
        if timeout is None and run.computation.processes == 1:
            yield from carry_out_run(run, cells, place, keep_images, git)
        else:
            device = str(place.machine.device)
            job = Job.of(run, cells, place.shelf.data_root, place.store.folder, device, keep_images)
            launch(job, timeout, place.watch.say)
            yield from job.records()
    except (Unwritable, KeyboardInterrupt):
        raise
    except Exception as error:
        yield from failed_records(run, cells, place.store, error, git)
