"""Carry out a plan on this machine, one run after another: in this process, or in children where runs need them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from harness.errors import Unwritable
from harness.execution.job import Job
from harness.execution.launching import launch
from harness.plan.plan import Plan, PlannedCell, Run
from harness.results.record import Record, cell_of
from harness.runs.context import RunContext
from harness.runs.failures import record_failure
from harness.runs.recording import record_cells
from harness.runs.training import ensure_trained


def carry_out(plan: Plan, context: RunContext, timeout: float | None = None) -> list[Record]:
    """Run every pending cell and return the records written. A cell that fails leaves its record and stops no other.

    A run of several processes, or with a ``timeout`` (seconds without a sign of life), is carried out in children.
    Raises Unwritable where no record can be kept.
    """
    records: list[Record] = []
    for run in plan.runs.values():
        cells = plan.pending_of(run)
        for record in _attempted(run, cells, context, timeout) if cells else ():
            context.watch.step(one_line(record))
            records.append(record)
    return records


def carry_out_run(run: Run, cells: list[PlannedCell], context: RunContext) -> Iterator[Record]:
    """Train a run, after those it starts from, and evaluate its cells: yields their records as they are written.

    Raises what training raises. An evaluation that fails leaves failed records, and the next dataset is evaluated.
    """
    trained = ensure_trained(run, context)
    for _, group in groupby(cells, key=lambda planned: planned.cell.dataset):
        same_dataset = list(group)
        try:
            yield from record_cells(trained, same_dataset)
        except (Unwritable, KeyboardInterrupt):
            raise
        except Exception as error:
            if context.world.size > 1:
                # The other processes are in the middle of that evaluation: they can only be ended with this one.
                raise
            yield from record_failure(same_dataset, context.store, error)


def one_line(record: Record) -> str:
    """A record in a line."""
    label = cell_of(record).label
    if record["status"] == "failed":
        return f"✗ {label}: {record['cause']['kind']}: {record['cause']['message']}"
    metrics = record["metrics"]
    return f"✓ {label}: mAP {metrics['map']:.1f}, Rank-1 {metrics['rank1']:.1f} ({record['verdict']['word']})"


def _attempted(run: Run, cells: list[PlannedCell], context: RunContext, timeout: float | None) -> Iterator[Record]:
    """Records of a run's cells; failed ones if the run fails."""
    try:
        if timeout is None and run.computation.processes == 1:
            yield from carry_out_run(run, cells, context)
        else:
            job = Job.of(run, cells, context)
            launch(job, timeout, context.watch.say)
            yield from job.records()
    except (Unwritable, KeyboardInterrupt):
        raise
    except Exception as error:
        yield from record_failure(cells, context.store, error)
