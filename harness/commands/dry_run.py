"""``run --dry-run``: cells, distinct runs and expected cost. Nothing is run."""

from __future__ import annotations

import json

from harness.commands.planning import choices_of, plan_of, planner_of
from harness.commands.request import Request
from harness.machine.device import choose_device
from harness.machine.hardware import device_name, hardware_facts
from harness.plan.forecast import Forecast, TrainingSetSize
from harness.plan.shelf import Shelf
from harness.plan.summary import TOLD_IN_FULL, as_summary
from harness.plan.views import as_json, as_text


def execute(request: Request) -> int:
    """Print the plan: on one screen, or every run and cell. Returns 0."""
    shelf = Shelf(request.data_root)
    choices = choices_of(request, shelf)
    planner = planner_of(request, shelf)
    plan = plan_of(choices, planner, request)
    readable = [run for run in plan.runs.values() if not run.blocked and shelf.drawn(run.dataset)]
    found = {run.dataset: shelf.dataset(run.dataset, run.seed) for run in readable}
    sizes = {
        name: TrainingSetSize(len(data.train), int(data.infrared(data.train).sum())) for name, data in found.items()
    }
    hardware = device_name(hardware_facts(choose_device(request.device)))
    forecast = Forecast(plan, planner.store, sizes, hardware)
    if request.json:
        print(json.dumps(as_json(forecast), ensure_ascii=False, indent=1))
        return 0
    notices = list(dict.fromkeys(choice.notice for choice in choices if choice.notice))
    if len(notices) > TOLD_IN_FULL and not request.verbose:
        notices = [f"datasets and profiles of {len(notices)} tables are chosen by what is here; --verbose tells which"]
    for notice in notices:
        print(notice)
    print(as_text(forecast) if request.verbose else as_summary(forecast))
    return 0
