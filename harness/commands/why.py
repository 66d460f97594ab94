"""The verb ``why``: the state of a cell, and the changes since it was recorded."""

from __future__ import annotations

from harness.commands.planning import plan_of, planner_of, with_settings
from harness.commands.request import Request
from harness.errors import BadInput
from harness.plan.selection import choose, parse_cell
from harness.plan.shelf import Shelf
from harness.results.record import cell_of
from harness.results.store import Store


def execute(request: Request) -> int:
    """Print one line per requested seed; without any, for seed 0 and each recorded seed. Returns 0.

    Raises BadInput for an address that is no cell.
    """
    (address,) = request.cells
    table, row, dataset = parse_cell(address)
    shelf = Shelf(request.data_root)
    found = [record for record in Store(request.results).records() if record["cell"] == address]
    profile = request.profile or next((record["profile"] for record in found), None)
    (choice,) = with_settings([choose(table, (row,), dataset, profile, shelf, planning=True)], request)
    planner = planner_of(request, shelf)
    plan = plan_of([choice], planner, request)
    if not plan.cells:
        reason = choice.notice or f"{table.id} has row {row.key!r} on {', '.join(row.published)} only"
        raise BadInput(f"{address} is not a cell ({reason}); python -m harness.run --list shows what there is")
    settings = {planned.cell.settings for planned in plan.cells}
    recorded = [record for record in found if cell_of(record).settings in settings]
    seeds = {record["seed"] for record in recorded if record["profile"] == choice.profile and not request.seeds}
    more = sorted(seeds - {planned.cell.seed for planned in plan.cells})
    if more:
        planner.add(plan, choice, more)
    for planned in plan.cells:
        cell = planned.cell
        print(f"{cell.label} ({cell.profile}, seed {cell.seed}): {planned.state}: {planned.reason}")
    return 0
