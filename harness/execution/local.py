"""Carry out a plan on this machine, one run after another: in this process, or in children where runs need them.

Any number of processes may do so on one results folder, on one machine or several. Each takes the next run that no
other works on, and whose start is trained. Together they train each run once and evaluate each cell once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import groupby

from harness.errors import Unwritable
from harness.execution.job import Job
from harness.execution.launching import launch
from harness.execution.remaining import Remaining
from harness.plan.plan import Plan, PlannedCell, Run
from harness.results.record import Record, cell_of
from harness.runs.context import RunContext
from harness.runs.failures import record_failure
from harness.runs.recording import record_cells
from harness.runs.training import ensure_trained

LOOK_AGAIN_SECONDS = 1.0
"""Seconds between looks for a free run while other workers have all of them."""


def carry_out(plan: Plan, context: RunContext, timeout: float | None = None) -> list[Record]:
    """Run every pending cell and return the records written here.

    A cell that fails leaves its record and stops no other. A run that another process works on is skipped and looked at
    again: if that process is killed, its run goes on here from the last checkpoint. A run of several processes, or with
    a ``timeout`` (seconds without a sign of life), is carried out in children. Raises Unwritable where no record can be
    kept.
    """
    remaining, records, waiting = Remaining(plan, context.store), list[Record](), False
    while runs := remaining.runs():
        found = _next(runs, remaining, context, timeout)
        if found is not None:
            records += found
        elif not waiting:
            context.watch.say(f"other workers have the {len(runs)} runs that are left; waiting for them")
        waiting = found is None
        if waiting:
            time.sleep(LOOK_AGAIN_SECONDS)
    return records


def _next(runs: list[Run], remaining: Remaining, context: RunContext, timeout: float | None) -> list[Record] | None:
    """Carry out the first of these runs that is ready and free. Returns its records; None if there is no such run."""
    for run in runs:
        if not remaining.is_ready(run):
            continue
        with context.store.hold_run(run.id) as held:
            # Another worker may have finished it just before.
            if held and run in remaining.runs():
                return _carried_out(run, remaining, context, timeout)
    return None


def _carried_out(run: Run, remaining: Remaining, context: RunContext, timeout: float | None) -> list[Record]:
    cells, behind, records = remaining.cells_of(run), remaining.cells_behind(run), list[Record]()
    for record in _attempted(run, cells, behind, context, timeout):
        context.watch.step(one_line(record))
        records.append(record)
    recorded = {cell_of(record) for record in records}
    remaining.settle([*cells, *(planned for planned in behind if planned.cell in recorded)])
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


def _attempted(
    run: Run, cells: list[PlannedCell], behind: list[PlannedCell], context: RunContext, timeout: float | None
) -> Iterator[Record]:
    """Records of a run's ``cells``; failed ones if the run fails.

    A run without cells fails the cells ``behind`` it, of the runs that start from it.
    """
    try:
        if timeout is None and run.computation.processes == 1:
            yield from carry_out_run(run, cells, context)
        else:
            job = Job.of(run, cells or behind[:1], context, held=True)
            launch(job, timeout, context.watch.say)
            yield from job.records()
    except (Unwritable, KeyboardInterrupt):
        raise
    except Exception as error:
        yield from record_failure(cells or behind, context.store, error)
