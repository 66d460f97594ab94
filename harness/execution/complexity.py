"""Tables of complexity (MPN's Table 9): nothing is trained, the methods of the rows are measured beside each other."""

from __future__ import annotations

from collections.abc import Iterable

from harness import registry
from harness.execution.receipt import git_state
from harness.execution.training import Workplace
from harness.hardware import hardware_facts, package_versions
from harness.measure.complexity import DATASET, Subject, measured_complexity
from harness.reporting.complexity import as_text, complexity_table
from harness.selection import Choice
from harness.store import Record
from harness.tables import Table
from harness.training.machine import Machine

CPU_BATCH = 8
"""Images in a batch on the CPU, where the paper's own would take minutes a step."""


def measure_tables(choices: Iterable[Choice], place: Workplace) -> None:
    """Measure every chosen table of complexity, keep what was found, and say it beside what the paper prints.

    All rows of such a table are measured, whichever were chosen: its figures are ratios.
    """
    for table in (choice.table for choice in choices if choice.table.prints_complexity):
        place.watch.begin(f"measuring {table.id}", 1)
        record = _measured(table, place.machine)
        place.store.write_complexity(table.id, record)
        shown = complexity_table(table, record)
        assert shown is not None
        place.watch.say(as_text(shown))


def _measured(table: Table, machine: Machine) -> Record:
    rows = [row for row in table.rows if row.runs]
    methods = [registry.method(row.method) for row in rows]
    subjects = [
        Subject(method, method.parse(dict(row.switches), f"{table.id}: row {row.key!r}"))
        for method, row in zip(methods, rows, strict=True)
    ]
    own = registry.method(table.method)
    recipe = own.recipe(own.switches(), DATASET, "paper")
    batch = CPU_BATCH if machine.device.type == "cpu" else recipe.sampler.batch_size
    costs = measured_complexity(subjects, batch, machine)
    return {
        "rows": {row.key: cost for row, cost in zip(rows, costs, strict=True)},
        "batch": batch,
        "size": [recipe.height, recipe.width],
        "precision": "bfloat16" if machine.bfloat16 else "float32",
        "hardware": hardware_facts(str(machine.device)),
        "packages": package_versions(),
        "git": git_state(),
    }
