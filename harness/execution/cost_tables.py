"""Tables of complexity (MPN's Table 9): nothing is trained, the methods of the rows are measured beside each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from harness import registry
from harness.datasets import DATASETS
from harness.errors import BadInput
from harness.machine.hardware import hardware_facts, package_versions
from harness.measure.in_turns import DATASET, Subject, measured_complexity, measured_queries
from harness.plan.selection import Choice
from harness.results.record import Record
from harness.runs.causes import failure_kind, failure_message
from harness.runs.receipt import git_state
from harness.runs.training import RunContext
from harness.tables import Table
from harness.training.machine import Machine

CPU_BATCH = 8
"""Images in a batch on the CPU, where the paper's own would take minutes a step."""

Costs = list[dict[str, dict[str, float]]]
"""What each row that runs costs, by column of the table."""


def measure_tables(choices: Iterable[Choice], place: RunContext) -> tuple[list[tuple[Table, Record]], int]:
    """Measure every chosen table of complexity and keep the measurements in the results folder.

    All rows of such a table are measured, whichever were chosen: its figures are ratios. A table that cannot be
    measured is named in a line with its typed cause, and the others go on.

    Returns:
        Each measured table with its measurement, and how many tables could not be measured.

    Raises BadInput.
    """
    measured, failures = [], 0
    for table in (choice.table for choice in choices if choice.table.prints_complexity):
        place.watch.begin(f"measuring {table.id}", 1)
        try:
            record = _measured(table, place.machine)
        except BadInput:
            raise
        except Exception as error:
            failures += 1
            place.watch.say(f"failed: {table.id}: {failure_kind(error)}: {failure_message(error)}")
        else:
            place.store.write_complexity(table.id, record)
            measured.append((table, record))
        if place.machine.device.type == "cuda":
            # What the networks held is for those that are trained next.
            torch.cuda.empty_cache()
    return measured, failures


def _measured(table: Table, machine: Machine) -> Record:
    rows = [row for row in table.rows if row.runs]
    methods = [registry.method(row.method) for row in rows]
    subjects = [
        Subject(method, method.parse(dict(row.switches), f"{table.id}: row {row.key!r}"))
        for method, row in zip(methods, rows, strict=True)
    ]
    costs, setting = (_queries if table.prints_query_times else _batches)(table, subjects, machine)
    return {
        "rows": {row.key: cost for row, cost in zip(rows, costs, strict=True)},
        **setting,
        "precision": "bfloat16" if machine.bfloat16 else "float32",
        "hardware": hardware_facts(str(machine.device)),
        "packages": package_versions(),
        "git": git_state(),
    }


def _batches(table: Table, subjects: list[Subject], machine: Machine) -> tuple[Costs, dict[str, Any]]:
    """Training steps and features of whole batches; and how large these and their images were."""
    own = registry.method(table.method)
    recipe = own.recipe(own.switches(), DATASET, "paper")
    batch = CPU_BATCH if machine.device.type == "cpu" else recipe.sampler.batch_size
    return measured_complexity(subjects, batch, machine), {"batch": batch, "size": [recipe.height, recipe.width]}


def _queries(table: Table, subjects: list[Subject], machine: Machine) -> tuple[Costs, dict[str, Any]]:
    """Single queries on each dataset of the table; and how many images its gallery has."""
    gallery = {column: DATASETS[column].published["gallery_images"] for column in table.columns}
    found = [measured_queries(subjects, column, images, machine) for column, images in gallery.items()]
    costs = [dict(zip(table.columns, each, strict=True)) for each in zip(*found, strict=True)]
    return costs, {"gallery": gallery}
