"""The verb ``run``: run what is pending, then write the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from harness.commands.planning import choices_of, plan_of, planner_of
from harness.commands.request import Request
from harness.execution.cost_tables import measure_tables
from harness.execution.counts import count_datasets
from harness.execution.inspection import inspect
from harness.machine.device import choose_device
from harness.plan.plan import Plan
from harness.plan.selection import Choice
from harness.plan.shelf import Shelf
from harness.progress import Watch
from harness.reporting import write_report
from harness.reporting.complexity import as_text, complexity_table
from harness.reporting.known_records import known_records
from harness.results.record import MeasuredTable, Record
from harness.results.store import Store
from harness.runs.context import RunContext
from harness.status.announcements import announced
from harness.status.event_files import ask_for_event_files
from harness.status.views import LiveTables
from harness.tables import tables
from harness.training.machine import Machine

Executor = Callable[[Plan, RunContext, float | None], list[Record]]


def execute(request: Request) -> int:
    """Run, and name the pages. Returns 1 if a cell failed or is blocked, or a table could not be measured; else 0."""
    carry_out = _executor(request)
    shelf = Shelf(request.data_root)
    choices = choices_of(request, shelf)
    for choice in choices:
        if choice.notice:
            print(choice.notice, flush=True)
    planner = planner_of(request, shelf)
    store = planner.store
    store.require_writable()
    store.sweep()
    if request.tensorboard:
        ask_for_event_files(store)
    plan = plan_of(choices, planner, request)
    todo = plan.pending
    with announced(store, todo), Watch(len(todo), above=LiveTables(store)) as watch:
        count_datasets(choices, shelf, store, watch)
        inspect(todo, shelf, store, watch)
        computation = planner.computation
        machine = Machine.of(choose_device(request.device), computation.bfloat16, computation.compiled)
        context = RunContext(shelf, store, machine, watch, keep_images=request.images)
        measured, unmeasured = measure_tables(choices, context)
        records = carry_out(plan, context, request.run_timeout)
    _print_measured(measured)
    any_bad = _print_outcome(plan, records, store)
    _write_report(request, store, choices)
    return 1 if any_bad or unmeasured else 0


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
    print(", ".join([*counts, *([f"{damaged_files} damaged"] if damaged_files else []), f"{states['cached']} cached"]))
    return bool(failed or unusable)


def _write_report(request: Request, store: Store, choices: Iterable[Choice]) -> None:
    found = store.find_records()
    records, _ = known_records(found.records, tables())
    pages = write_report(records, tables(), store.folder, request.report, images=request.images, damaged=found.damaged)
    wanted = {f"{choice.table.id}.html" for choice in choices}
    for page in pages:
        if page.name in wanted:
            print(f"report: {page}")
