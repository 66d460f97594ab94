"""The verb ``run``: run what is pending, then write the report."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from harness.cell import Cell
from harness.commands import workers
from harness.commands.planning import choices_of, plan_of, planner_of
from harness.commands.request import Request
from harness.execution.cost_tables import measure_tables
from harness.execution.counts import count_datasets
from harness.execution.inspection import inspect
from harness.machine.device import choose_device
from harness.machine.threads import cores
from harness.plan.plan import Plan
from harness.plan.planner import Planner
from harness.plan.selection import Choice
from harness.plan.shelf import Shelf
from harness.progress import Watch
from harness.reporting.complexity import as_text, complexity_table
from harness.reporting.known_records import known_records
from harness.results.record import MeasuredTable, Record, cell_of
from harness.results.store import Store
from harness.runs.computing import SINGLE_THREADED
from harness.runs.context import RunContext
from harness.status.announcements import announced
from harness.status.tracking import ask_for_trackers
from harness.status.views import LiveTables
from harness.status.workers import Worker, leave, require_locks_between_machines, require_same_runs, workers_on
from harness.tables import tables
from harness.training.machine import Machine

Executor = Callable[[Plan, RunContext, float | None], list[Record]]


@dataclass(frozen=True)
class _Work:
    """The plan of a request, and where its records go."""

    request: Request
    choices: list[Choice]
    planner: Planner
    plan: Plan

    @property
    def store(self) -> Store:
        return self.planner.store

    @property
    def measured(self) -> list[str]:
        """Ids of the tables whose costs are measured."""
        return [choice.table.id for choice in self.choices if choice.table.prints_complexity]

    @property
    def cells(self) -> list[Cell]:
        """The cells to carry out."""
        return [planned.cell for planned in self.plan.pending]


@dataclass(frozen=True)
class _Outcome:
    """The records written here, the tables measured, how many could not be measured, and the workers that are left."""

    records: list[Record]
    measured: list[MeasuredTable]
    unmeasured: int
    others: list[Worker]


def execute(request: Request) -> int:
    """Run, and name the pages. Returns 1 if a cell failed or is blocked, or a table could not be measured; else 0.

    Other commands may do the same at the same time: all are workers on one plan, and the last to end writes the pages.
    """
    carry_out = _executor(request)
    shelf = Shelf(request.data_root)
    choices = choices_of(request, shelf)
    for choice in choices:
        if choice.notice:
            print(choice.notice, flush=True)
    planner = planner_of(request, shelf)
    planner.store.require_writable()
    planner.store.sweep()
    work = _Work(request, choices, planner, plan_of(choices, planner, request))
    if request.workers > 1:
        return workers.carry_out(request, work.plan)
    _tell_of_idle_cores(work)
    ask_for_trackers(work.store, request.trackers)
    outcome = _carried_out(work, carry_out)
    _print_measured(outcome.measured)
    any_bad = _print_outcome(work.plan, outcome.records, work.store)
    if outcome.others:
        print(f"{outcome.others[0].label} still works on these tables; the last worker to end writes the pages")
    else:
        _write_report(request, work.store, choices)
    return 1 if any_bad or outcome.unmeasured else 0


def _tell_of_idle_cores(work: _Work) -> None:
    """Say that more workers would be faster, where runs of one thread leave cores idle.

    A worker of ``--workers`` has its threads set, and does not say it again.
    """
    runs = {
        run.id for planned in work.plan.pending for run in planned.needed_run.lineage if run.profile in SINGLE_THREADED
    }
    workers = min(cores(), len(runs))
    alone = work.request.executor == "local" and "OMP_NUM_THREADS" not in os.environ
    if workers > 1 and alone and choose_device(work.request.device) == "cpu":
        print(f"runs of this size take one core each: --workers {workers} trains {workers} at a time", flush=True)


def _carried_out(work: _Work, carry_out: Executor) -> _Outcome:
    request, store, shelf, todo = work.request, work.store, work.planner.shelf, work.plan.pending
    with announced(store, todo, work.measured) as announcement, Watch(len(todo), above=LiveTables(store)) as watch:
        is_first = not _earlier_workers(work, announcement)
        count_datasets(work.choices, shelf, store, watch)
        inspect(todo, shelf, store, watch, request.images)
        computation = work.planner.computation
        machine = Machine.of(choose_device(request.device), computation.bfloat16, computation.compiled)
        context = RunContext(
            shelf,
            store,
            machine,
            watch,
            keep_images=request.images,
            precision_asked=request.precision is not None,
            stop_degenerate=request.stop_degenerate,
        )
        measured, unmeasured = measure_tables(work.choices, context) if is_first else ([], 0)
        records = carry_out(work.plan, context, request.run_timeout)
        others = leave(store, announcement, work.cells, work.measured) if announcement else []
        return _Outcome(records, measured, unmeasured, others)


def _earlier_workers(work: _Work, announcement: Path | None) -> list[Worker]:
    """The workers on the same cells that began before this one.

    Raises BadInput if they make other runs of them, or if the locks of the results folder do not hold between machines.
    """
    if announcement is None:
        return []
    require_locks_between_machines(work.store, announcement)
    now = workers_on(work.store, work.cells, work.measured)
    earlier = list(takewhile(lambda worker: worker.announcement != announcement, now))
    for worker in earlier:
        require_same_runs(worker, work.plan.pending)
    return earlier


def _executor(request: Request) -> Executor:
    """The executor of the request. Raises BadInput for Ray where it is not installed."""
    if request.executor == "ray":
        from harness.execution import cluster

        return cluster.carry_out
    from harness.execution import local

    return local.carry_out


def _print_measured(measured: Iterable[MeasuredTable]) -> None:
    """Print each table of complexity, measured beside published."""
    for found in measured:
        compared = complexity_table(tables()[found["table"]], found)
        assert compared is not None
        print(as_text(compared))


def _print_outcome(plan: Plan, records: Sequence[Record], store: Store) -> bool:
    """Name the blocked and damaged cells, and print the counts. Returns whether a cell of the plan is bad or failed."""
    unusable = [planned for planned in plan.cells if planned.state in ("blocked", "damaged")]
    for planned in unusable:
        print(f"{planned.state}: {planned.cell.label}: {planned.reason}")
    of_plan = {store.record_path(planned.cell) for planned in plan.cells}
    others = [damaged for damaged in store.find_records().damaged if damaged.path not in of_plan]
    for damaged in others:
        print(f"damaged: {damaged.sentence}")
    states = Counter(planned.state for planned in plan.cells)
    failed = sum(record["status"] == "failed" for record in records)
    damaged_files = states["damaged"] + len(others)
    counts = [f"{len(records) - failed} cells run", f"{failed} failed", f"{states['blocked']} blocked"]
    counts += [*([f"{damaged_files} damaged"] if damaged_files else []), f"{states['cached']} cached"]
    elsewhere = _recorded_elsewhere(plan, records, store)
    failed_elsewhere = sum(record["status"] == "failed" for record in elsewhere)
    if elsewhere:
        counts.append(f"{len(elsewhere)} by other workers, {failed_elsewhere} of them failed")
    print(", ".join(counts))
    return bool(failed or failed_elsewhere or unusable)


def _recorded_elsewhere(plan: Plan, records: Sequence[Record], store: Store) -> list[Record]:
    """The records of pending cells that other workers wrote meanwhile."""
    own = {cell_of(record) for record in records}
    found = (store.record(planned.cell) for planned in plan.pending if planned.cell not in own)
    return [record for record in found if record]


def _write_report(request: Request, store: Store, choices: Iterable[Choice]) -> None:
    # Here, for it takes seconds to import what draws charts, and a run need not wait for it.
    from harness.reporting.pages import write_report

    found = store.find_records()
    records, left_out = known_records(found.records, tables())
    pages = write_report(
        records,
        tables(),
        store.folder,
        request.report,
        images=request.images,
        damaged=found.damaged,
        left_out=left_out,
    )
    wanted = {f"{choice.table.id}.html" for choice in choices}
    for page in pages:
        if page.name in wanted:
            print(f"report: {page}")
