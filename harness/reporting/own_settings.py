"""Cells with settings of one's own: rows beneath a table, never beside a published figure and without a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from harness.cell import Settings, settings_label
from harness.datasets import dataset as dataset_spec
from harness.recipe import PROFILES, Profile
from harness.reporting.cells import accuracy_metrics
from harness.reporting.wording import fixed, metric_name
from harness.results.record import DoneRecord, Record, cell_of, percent
from harness.tables import Table


@dataclass(frozen=True)
class OwnRow:
    """One row with settings of one's own, over its seeds. ``values`` are empty where every seed failed.

    ``command`` repeats the first seed.
    """

    name: str
    label: str
    dataset: str
    profile: Profile
    values: tuple[str, ...]
    seeds: tuple[int, ...]
    failed: str
    command: str


@dataclass(frozen=True)
class OwnTable:
    """The rows beneath a table, and the headings of their figures."""

    headings: tuple[str, ...]
    rows: tuple[OwnRow, ...]


def own_table(table: Table, records: Sequence[Record]) -> OwnTable:
    """Rows of records that are not as printed, in the order of the table, then by dataset, profile and settings."""
    metrics = accuracy_metrics(table)
    groups: dict[tuple[str, str, Profile, Settings], list[Record]] = {}
    for record in records:
        cell = cell_of(record)
        if cell.table == table.id and cell.settings:
            groups.setdefault((cell.row, cell.dataset, cell.profile, cell.settings), []).append(record)
    order = [row.key for row in table.rows]
    keys = sorted(groups, key=lambda key: (order.index(key[0]), key[1], PROFILES.index(key[2]), str(key[3])))
    return OwnTable(tuple(map(metric_name, metrics)), tuple(_row(groups[key], metrics) for key in keys))


def _row(records: Sequence[Record], metrics: Sequence[str]) -> OwnRow:
    records = sorted(records, key=lambda record: record["seed"])
    cell = cell_of(records[0])
    done = [record for record in records if record["status"] == "done"]
    failed = [record for record in records if record["status"] == "failed"]
    return OwnRow(
        cell.row,
        settings_label(cell.settings),
        dataset_spec(cell.dataset).title,
        cell.profile,
        tuple(_figure(done, metric) for metric in metrics) if done else (),
        tuple(record["seed"] for record in done),
        f"{len(failed)} failed: {failed[0]['cause']['kind']}" if failed else "",
        records[0]["receipt"]["command"],
    )


def _figure(done: Sequence[DoneRecord], metric: str) -> str:
    """The mean over seeds and its spread; for one seed, the figure and its interval by identity."""
    values = [percent(record, metric) for record in done]
    if len(values) > 1:
        return f"{fixed(fmean(values))} ± {fixed(stdev(values))}"
    interval = done[0]["intervals"].get(metric)
    between = f" ({fixed(interval['by_identity'][0])}–{fixed(interval['by_identity'][1])})" if interval else ""
    return f"{fixed(values[0])}{between}"
