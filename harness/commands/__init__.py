"""What ``python -m harness.run`` can be asked to do. Each command returns its exit code."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import listing
from harness.datasets import dataset as dataset_spec
from harness.errors import BadInput, unknown_name_error
from harness.plan.selection import Choice, choose, chosen_rows, chosen_tables, parse_cell
from harness.plan.shelf import Shelf
from harness.results.record import Record, record_label, require_done
from harness.results.store import Store, existing
from harness.tables import tables

if TYPE_CHECKING:
    from harness.plan.plan import Plan
    from harness.plan.planner import Planner
    from harness.runs.context import RunContext


def list_tables(options: argparse.Namespace) -> int:
    """``--list``."""
    listed = chosen_tables(options.table or ["all"])
    print(
        json.dumps(listing.as_json(listed), ensure_ascii=False, indent=1) if options.json else listing.as_text(listed)
    )
    return 0


def status(options: argparse.Namespace) -> int:
    """``--status``: cells by table and state, and the trainings that are under way or were interrupted."""
    from rich.console import Console

    from harness.status.board import Board
    from harness.status.views import as_json, as_tables, as_text

    store = existing(options.results)
    standing = Board(store).read()
    if options.json:
        print(json.dumps(as_json(standing), ensure_ascii=False, indent=1))
    elif not (standing.tables or standing.runs or standing.damaged):
        print(f"no records in {store.folder}")
    elif sys.stdout.isatty():
        Console().print(as_tables(standing))
    else:
        print("\n".join(as_text(standing)))
    return 0


def verify(options: argparse.Namespace) -> int:
    """``--verify CELL``: 0 when everything stored agrees with its record, else 1."""
    from harness.analysis.verify import disagreements

    store = existing(options.results)
    records = _records_of(options.verify, store, options)
    wrong = 0
    for record in records:
        label = record_label(record)
        found = list(disagreements(require_done(record, "verify"), store))
        wrong += bool(found)
        for sentence in found:
            print(f"✗ {label}: {sentence}")
        if not found:
            print(f"✓ {label}: scored again from what is stored, every figure agrees")
    return 1 if wrong else 0


def explain(options: argparse.Namespace) -> int:
    """``--explain CELL``: which switches of the protocol close the gap to the published figure, without training."""
    from harness.analysis import explain as explanation

    store = existing(options.results)
    for record in _records_of(options.explain, store, options):
        print(record_label(record))
        ladder = explanation.explain(record, store)
        print("\n".join(explanation.as_text(ladder)))
    return 0


def compare(options: argparse.Namespace) -> int:
    """``--compare CELL CELL``: the difference of two cells, with what the choice of people explains of it."""
    from harness.analysis.compare import comparison

    store = existing(options.results)
    first, second = (_records_of(address, store, options) for address in options.compare)
    for line in comparison(first, second, store):
        print(line)
    return 0


def roc(options: argparse.Namespace) -> int:
    """``--roc CELL``: true positive rates at false positive rates, over all pairs of a query and a gallery image."""
    from harness.analysis.operating_points import as_text, record_roc

    store = existing(options.results)
    for record in _records_of(options.roc, store, options):
        print(record_label(record))
        print("\n".join(as_text(record_roc(record, store))))
    return 0


def why(options: argparse.Namespace) -> int:
    """``--why CELL``: where a cell stands, at the seeds that are recorded too, and what changed since it was made."""
    table, row, dataset = parse_cell(options.why)
    shelf = Shelf(options.data_root)
    recorded = [record for record in Store(options.results).records() if record["cell"] == options.why]
    profile = options.profile or next((record["profile"] for record in recorded), None)
    choice = choose(table, (row,), dataset, profile, shelf, planning=True)
    planner = _planner(options, shelf)
    plan = _plan([choice], planner, options)
    if not plan.cells:
        reason = choice.notice or f"{table.id} has row {row.key!r} on {', '.join(row.published)} only"
        raise BadInput(f"{options.why} is not a cell ({reason}); --list shows what there is")
    seeds = {record["seed"] for record in recorded if record["profile"] == choice.profile and not options.seed}
    more = sorted(seeds - {planned.cell.seed for planned in plan.cells})
    if more:
        planner.add(plan, table, choice.rows, choice.datasets, choice.profile, more)
    for planned in plan.cells:
        cell = planned.cell
        print(f"{cell.id} ({cell.profile}, seed {cell.seed}): {planned.state}: {planned.reason}")
    return 0


def dry_run(options: argparse.Namespace) -> int:
    """``--dry-run``: the plan, and nothing is run."""
    from harness.machine.hardware import device_name, hardware_facts
    from harness.plan.forecast import Forecast

    shelf = Shelf(options.data_root)
    choices = _choices(options, shelf, planning=True)
    planner = _planner(options, shelf)
    plan = _plan(choices, planner, options)
    readable = [run for run in plan.runs.values() if not run.blocked and shelf.drawn(run.dataset)]
    training = {run.dataset: shelf.dataset(run.dataset, run.seed) for run in readable}
    images = {name: (len(data.train), int(data.infrared(data.train).sum())) for name, data in training.items()}
    forecast = Forecast(plan, planner.store, images, device_name(hardware_facts(_device(options))))
    if options.json:
        print(json.dumps(forecast.as_json(), ensure_ascii=False, indent=1))
        return 0
    for notice in dict.fromkeys(choice.notice for choice in choices if choice.notice):
        print(notice)
    print(forecast.as_text())
    return 0


def run_tables(options: argparse.Namespace) -> int:
    """Run what is pending, write the report; 1 when a cell failed or is blocked, or a table was not measured."""
    from harness.commands.resources import timeout
    from harness.execution.cost_tables import measure_tables
    from harness.execution.counts import count_datasets
    from harness.execution.inspection import inspect
    from harness.progress import Watch
    from harness.reporting.complexity import as_text, complexity_table
    from harness.runs.context import RunContext
    from harness.status.announcements import announced
    from harness.status.event_files import ask_for_event_files
    from harness.status.views import LiveTables
    from harness.training.machine import Machine

    carry_out, limit = _executor(options.executor), timeout(options)
    shelf = Shelf(options.data_root)
    choices = _choices(options, shelf, planning=False)
    for choice in choices:
        if choice.notice:
            print(choice.notice, flush=True)
    planner = _planner(options, shelf)
    planner.store.require_writable()
    planner.store.sweep()
    if options.tensorboard:
        ask_for_event_files(planner.store)
    plan = _plan(choices, planner, options)
    todo = plan.pending
    with announced(planner.store, todo), Watch(len(todo), above=LiveTables(planner.store)) as watch:
        count_datasets(choices, shelf, planner.store, watch)
        inspect(todo, shelf, planner.store, watch)
        computation = planner.computation
        machine = Machine.of(_device(options), computation.bfloat16, computation.compiled)
        context = RunContext(shelf, planner.store, machine, watch, keep_images=options.images)
        compared, unmeasured = measure_tables(choices, context)
        records = carry_out(plan, context, limit)
    for measured in compared:
        compared_table = complexity_table(tables()[measured["table"]], measured)
        assert compared_table is not None
        print(as_text(compared_table))
    blocked = [planned for planned in plan.cells if planned.state in ("blocked", "damaged")]
    for planned in blocked:
        print(f"{planned.state}: {planned.cell.id}: {planned.reason}")
    failed = [record for record in records if record["status"] == "failed"]
    cached = sum(planned.state == "cached" for planned in plan.cells)
    print(f"{len(records) - len(failed)} cells run, {len(failed)} failed, {len(blocked)} blocked, {cached} cached")
    _write_report(options, planner.store, [choice.table.id for choice in choices])
    return 1 if failed or blocked or unmeasured else 0


def _write_report(options: argparse.Namespace, store: Store, table_ids: list[str]) -> None:
    from harness.reporting import write_report
    from harness.reporting.known_records import known_records

    found = store.find_records()
    records, _ = known_records(found.records, tables())
    pages = write_report(records, tables(), store.folder, options.report, images=options.images, damaged=found.damaged)
    wanted = {f"{table_id}.html" for table_id in table_ids}
    for page in pages:
        if page.name in wanted:
            print(f"report: {page}")


def _choices(options: argparse.Namespace, shelf: Shelf, planning: bool) -> list[Choice]:
    if options.dataset is not None:
        dataset_spec(options.dataset)  # A table that is only measured would not ask for it.
    wanted = chosen_tables(options.table)
    rows = chosen_rows(wanted, options.row)
    if options.dataset is None and not shelf.data_root.is_dir() and options.data_root != Path("data"):
        raise BadInput(f"--data-root {shelf.data_root} is not a folder; name the one that holds the datasets")
    unbuilt = sorted({table.method for table in wanted if not table.built})
    if not planning:
        wanted = [table for table in wanted if table.built]
        if unbuilt and not wanted:
            raise BadInput(f"method {', '.join(unbuilt)} is not built yet; --list shows its published figures")
        if unbuilt:
            print(f"left out, their methods are not built yet: the tables of {', '.join(unbuilt)}")
    return [
        choose(table, rows[table.id], options.dataset, options.profile, shelf, planning)
        for table in wanted
        if rows[table.id]
    ]


def _executor(name: str) -> Callable[[Plan, RunContext, float | None], list[Record]]:
    """What carries a plan out. Raises BadInput where Ray is asked for and not installed."""
    if name == "ray":
        from harness.execution import cluster

        return cluster.carry_out
    from harness.execution import local

    return local.carry_out


def _device(options: argparse.Namespace) -> str:
    from harness.machine.device import choose_device

    return choose_device(options.device)


def _planner(options: argparse.Namespace, shelf: Shelf) -> Planner:
    from harness.commands.resources import computation
    from harness.plan.planner import Planner

    may_draw = not (options.dry_run or options.why)
    # A dataset that was asked for by name is to be mended; of those that merely lie there each speaks for itself.
    strict = options.dataset is not None or bool(options.why)
    return Planner(shelf, Store(options.results), computation(options, _device(options)), may_draw, strict)


def _plan(choices: list[Choice], planner: Planner, options: argparse.Namespace) -> Plan:
    from harness.plan.plan import Plan

    plan, seeds = Plan(), list(dict.fromkeys(options.seed))
    for choice in choices:
        planner.add(plan, choice.table, choice.rows, choice.datasets, choice.profile, seeds)
    return plan


def _records_of(address: str, store: Store, options: argparse.Namespace) -> list[Record]:
    """Records of a cell, at the profile and seeds asked for. Raises BadInput, offering the nearest, for none."""
    records = store.records()
    if address not in {record["cell"] for record in records}:
        raise unknown_name_error("recorded cell", address, dict.fromkeys(record["cell"] for record in records))
    found = [
        record
        for record in records
        if record["cell"] == address
        and options.profile in (None, record["profile"])
        and (not options.seed or record["seed"] in options.seed)
    ]
    if not found:
        raise BadInput(f"{address} has no record at that --profile and --seed; leave them out to see those it has")
    return found
