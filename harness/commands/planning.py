"""From a request to a plan: choices of tables, rows and datasets, then cells and runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from harness import registry
from harness.cell import Settings
from harness.commands.request import Request
from harness.commands.resources import computation
from harness.datasets import dataset as dataset_spec
from harness.errors import BadInput
from harness.machine.device import choose_device
from harness.plan.plan import Plan
from harness.plan.planner import Planner
from harness.plan.selection import Choice, choose, chosen_rows, chosen_tables
from harness.plan.settings import accepts, combinations, unknown_switch
from harness.plan.shelf import Shelf
from harness.results.store import Store
from harness.tables import Row


def choices_of(request: Request, shelf: Shelf) -> list[Choice]:
    """Rows, datasets and profile of each requested table. A run leaves out methods that are not built, and prints so.

    Raises BadInput for an unknown name, a data root that is no folder, and a run without any built method.
    """
    if request.dataset is not None:
        dataset_spec(request.dataset)  # A table that is only measured would never check the name.
    wanted = chosen_tables(request.tables)
    rows = chosen_rows(wanted, request.rows)
    if request.dataset is None and not shelf.data_root.is_dir() and request.data_root != Path("data"):
        raise BadInput(f"--data-root {shelf.data_root} is not a folder; name the one that holds the datasets")
    planning = request.verb != "run"
    unbuilt = sorted({table.method for table in wanted if not table.built})
    if not planning:
        wanted = [table for table in wanted if table.built]
        if unbuilt and not wanted:
            names = ", ".join(unbuilt)
            raise BadInput(f"method {names} is not built yet; python -m harness.run --list shows its tables")
        if unbuilt:
            print(f"left out, their methods are not built yet: the tables of {', '.join(unbuilt)}")
    found = [
        choose(table, rows[table.id], request.dataset, request.profile, shelf, planning)
        for table in wanted
        if rows[table.id]
    ]
    return with_settings(found, request)


def with_settings(choices: Sequence[Choice], request: Request) -> list[Choice]:
    """The choices with every combination of the request's settings. Rows that have no such switch are left out.

    Raises BadInput for a setting that no chosen row has.
    """
    every = combinations(request.settings)
    own = any(every) or request.initial_weights is not None
    if not own:
        return list(choices)
    left = [replace(choice, rows=_rows_with(choice, every[0]), combinations=tuple(every)) for choice in choices]
    if not any(choice.rows for choice in left):
        methods = {row.method: registry.method(row.method) for choice in choices for row in choice.rows if row.runs}
        raise unknown_switch(methods.values(), every[0])
    return [choice for choice in left if choice.rows]


def _rows_with(choice: Choice, settings: Settings) -> tuple[Row, ...]:
    return tuple(row for row in choice.rows if row.runs and accepts(registry.method(row.method), settings))


def planner_of(request: Request, shelf: Shelf) -> Planner:
    """The planner of the request's results folder and computation. Only a run may draw an embedded dataset."""
    # The user must fix a dataset that they named. A dataset that merely lies there blocks its own cells only.
    strict = request.dataset is not None or request.verb == "why"
    how = computation(request, choose_device(request.device))
    draw, file = request.verb == "run", request.initial_weights
    return Planner(shelf, Store(request.results), how, draw=draw, strict=strict, initial_weights=file)


def plan_of(choices: Iterable[Choice], planner: Planner, request: Request) -> Plan:
    """The cells of the choices at the request's seeds, each once, and the runs they need."""
    plan, seeds = Plan(), list(dict.fromkeys(request.seeds))
    for choice in choices:
        planner.add(plan, choice, seeds)
    return plan
