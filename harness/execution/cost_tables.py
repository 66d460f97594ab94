"""Tables of complexity (MPN's Table 9): the methods of the rows are measured in turns, nothing is trained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

import torch

from harness import registry
from harness.datasets import DATASETS
from harness.errors import BadInput
from harness.machine.hardware import hardware_facts, package_versions
from harness.machine.revision import git_state
from harness.measure.in_turns import DATASET, Subject, costs_in_turns, query_costs_in_turns
from harness.plan.selection import Choice
from harness.results.record import CostOfRow, MeasuredTable
from harness.runs.causes import failure_kind, failure_message
from harness.runs.context import RunContext
from harness.tables import Table
from harness.training.machine import Machine

CPU_BATCH = 8
"""Images per batch on the CPU, where the paper's own batch would take minutes per step."""


class _Batches(TypedDict):
    batch: int
    size: list[int]


class _Galleries(TypedDict):
    gallery: dict[str, int]


def measure_tables(choices: Iterable[Choice], context: RunContext) -> tuple[list[MeasuredTable], int]:
    """Measure every chosen table of complexity and keep the result.

    All rows of such a table are measured, whichever were chosen: its figures are ratios. Returns the measured tables,
    and how many could not be measured: each of these is told in a line with its typed cause, and the others go on.
    Raises BadInput.
    """
    measured, failures = [], 0
    for table in (choice.table for choice in choices if choice.table.prints_complexity):
        context.watch.begin(f"measuring {table.id}", 1)
        try:
            found = _measured(table, context.machine)
        except BadInput:
            raise
        except Exception as error:
            failures += 1
            context.watch.say(f"failed: {table.id}: {failure_kind(error)}: {failure_message(error)}")
        else:
            context.store.write_measured_table(found)
            measured.append(found)
        if context.machine.device.type == "cuda":
            # The memory of these networks is for those that are trained next.
            torch.cuda.empty_cache()
    return measured, failures


def _measured(table: Table, machine: Machine) -> MeasuredTable:
    rows = [row for row in table.rows if row.runs]
    methods = [registry.method(row.method) for row in rows]
    subjects = [
        Subject(method, method.parse(dict(row.switches), f"{table.id}: row {row.key!r}"))
        for method, row in zip(methods, rows, strict=True)
    ]
    costs: list[dict[str, CostOfRow]]
    setting: _Batches | _Galleries
    if table.prints_query_times:
        costs, setting = _queries(table, subjects, machine)
    else:
        costs, setting = _batches(table, subjects, machine)
    return {
        "table": table.id,
        "rows": {row.key: cost for row, cost in zip(rows, costs, strict=True)},
        **setting,
        "precision": "bfloat16" if machine.bfloat16 else "float32",
        "hardware": hardware_facts(str(machine.device)),
        "packages": package_versions(),
        "git": git_state(),
    }


def _batches(table: Table, subjects: list[Subject], machine: Machine) -> tuple[list[dict[str, CostOfRow]], _Batches]:
    """Training steps and features of whole batches, with the size of the batch and of its images."""
    own = registry.method(table.method)
    recipe = own.recipe(own.switches(), DATASET, "paper")
    batch = CPU_BATCH if machine.device.type == "cpu" else recipe.sampler.batch_size
    return costs_in_turns(subjects, batch, machine), {"batch": batch, "size": [recipe.height, recipe.width]}


def _queries(table: Table, subjects: list[Subject], machine: Machine) -> tuple[list[dict[str, CostOfRow]], _Galleries]:
    """Single queries on each dataset of the table, with the size of its gallery."""
    gallery = {column: DATASETS[column].published["gallery_images"] for column in table.columns}
    found = [query_costs_in_turns(subjects, column, images, machine) for column, images in gallery.items()]
    costs = [dict(zip(table.columns, each, strict=True)) for each in zip(*found, strict=True)]
    return costs, {"gallery": gallery}
