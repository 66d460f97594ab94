"""Records of others: rows beneath a table, apart from its cells, each with whether it was scored again here."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from harness.cell import settings_label
from harness.datasets import dataset as dataset_spec
from harness.reporting.cells import accuracy_metrics
from harness.reporting.known_records import known_records
from harness.reporting.wording import fixed, metric_name, plain_message
from harness.results.imported import FOLDER, ImportedRecords
from harness.results.record import DoneRecord, cell_of, percent
from harness.tables import Table


@dataclass(frozen=True)
class OthersRow:
    """One record of another's folder. ``command`` scores it again; ``verified`` says that this was done here."""

    source: str
    name: str
    label: str
    dataset: str
    profile: str
    seed: int
    values: tuple[str, ...]
    verified: bool
    command: str


@dataclass(frozen=True)
class OthersTable:
    """The rows, the headings of their figures, and a sentence for each file that cannot be used."""

    headings: tuple[str, ...]
    rows: tuple[OthersRow, ...]
    damaged: tuple[str, ...]


def others_table(table: Table, imported: Sequence[ImportedRecords]) -> OthersTable:
    """The imported records of a table, by folder, then in the order of their files."""
    metrics = accuracy_metrics(table)
    rows, damaged = [], []
    for each in imported:
        of_table = [record for record in each.found.records if record["table"] == table.id]
        known, _ = known_records(of_table, {table.id: table})
        rows += [_row(record, each, metrics) for record in known if record["status"] == "done"]
        unusable = [file for file in each.found.damaged if file.table == table.id]
        damaged += [f"{each.name}: {file.path.name}: {plain_message(file.reason)}" for file in unusable]
    return OthersTable(tuple(map(metric_name, metrics)), tuple(rows), tuple(damaged))


def _row(record: DoneRecord, imported: ImportedRecords, metrics: Sequence[str]) -> OthersRow:
    cell = cell_of(record)
    which = [record["cell"], "--results", f"results/{FOLDER}/{imported.name}"]
    return OthersRow(
        imported.name,
        cell.row,
        settings_label(cell.settings),
        dataset_spec(cell.dataset).title,
        cell.profile,
        cell.seed,
        tuple(fixed(percent(record, metric)) for metric in metrics),
        imported.is_verified(record),
        f"reid-tables verify {shlex.join([*which, '--profile', cell.profile, '--seed', str(cell.seed)])}",
    )
