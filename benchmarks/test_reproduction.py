"""Does the table hold? One check per cell, named as on the command line and in the report.

``pytest benchmarks -k duke``: with comparable records a cell passes or fails by its verdict. Without them it is
skipped, and the message gives the command that makes them. ``HARNESS_RESULTS`` names another results folder.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.cell import cell_command, cell_id
from harness.datasets import DATASETS
from harness.datasets.base import DatasetSpec
from harness.errors import BadInput
from harness.evaluation.cell_verdict import NOTHING_PRINTED, CellVerdict, judge_cell
from harness.results.reading import Damaged
from harness.results.record import DoneRecord, percent
from harness.results.seeds import recipe_reasons
from harness.results.sentences import degeneracy_sentence
from harness.results.store import Store, existing
from harness.tables import PERCENT, Figure, Row, Table, tables

RESULTS = Path(os.environ.get("HARNESS_RESULTS", Path(__file__).parents[1] / "results"))

CELLS = [
    pytest.param(table, row, dataset, id=cell_id(table.id, row.key, dataset))
    for table in tables().values()
    for row in table.rows
    for dataset in row.published
    if row.runs and dataset in DATASETS and dataset not in row.borrowed
]


@dataclass(frozen=True)
class Found:
    """The done records, one per cell, profile and seed, and the record files that cannot be used."""

    records: list[DoneRecord]
    damaged: list[Damaged] = field(default_factory=list)


@pytest.fixture(scope="session")
def found() -> Found:
    try:
        if "HARNESS_RESULTS" in os.environ:
            existing(RESULTS, "HARNESS_RESULTS")
    except BadInput as error:
        pytest.exit(f"error: {error}", returncode=2)
    found = find_one_per_seed(RESULTS / "reference", RESULTS)
    for damaged in found.damaged:
        warnings.warn(f"damaged: {damaged.sentence}", stacklevel=1)
    return found


def find_one_per_seed(*folders: Path) -> Found:
    """What is found in these folders (a copy is no second seed). Later folders win."""
    read = [Store(folder).find_records() for folder in folders if folder.is_dir()]
    done = (record for each in read for record in each.records if record["status"] == "done")
    newest = {(record["cell"], record["profile"], record["seed"]): record for record in done}
    return Found(list(newest.values()), [damaged for each in read for damaged in each.damaged])


def judge_records(records: list[DoneRecord], figures: Mapping[str, Figure], spec: DatasetSpec) -> CellVerdict:
    """The verdict of comparable records of one cell, as its page gives it."""
    return judge_cell(
        {metric: [percent(record, metric) for record in records] for metric in figures},
        figures,
        recipe_reasons([record["receipt"] for record in records], spec.splits),
        spec,
        [record["seed"] for record in records],
        [degeneracy_sentence(record["degenerate"]) for record in records if "degenerate" in record],
    )


@pytest.mark.parametrize(("table", "row", "dataset"), CELLS)
def test_reproduces(table: Table, row: Row, dataset: str, found: Found) -> None:
    printed = {metric: figure for metric, figure in row.published[dataset].items() if figure is not None}
    if not printed:
        pytest.skip(NOTHING_PRINTED)
    if not table.built:
        pytest.skip(f"method {table.method} is not built yet")
    accuracies = {metric: figure for metric, figure in printed.items() if metric in PERCENT}
    if not accuracies:
        pytest.skip(f"the paper prints no accuracy for this cell, only {', '.join(printed)}")
    address = cell_id(table.id, row.key, dataset)
    own = [record for record in found.records if record["cell"] == address and not record.get("settings")]
    comparable = [record for record in own if not record["verdict"]["reasons"]]
    if not comparable:
        damaged = [each.sentence for each in found.damaged if each.table == table.id]
        why = "; ".join(dict.fromkeys([*(record["verdict"]["reason"] for record in own), *damaged])) or "no record"
        pytest.skip(f"{why}; run: {cell_command(table.id, row.key, dataset, 'paper', '--data-root', 'DIR')}")
    verdict = judge_records(comparable, accuracies, DATASETS[dataset])
    if verdict.reasons:
        pytest.skip("; ".join(verdict.reasons))
    message = "; ".join(f"{metric} {each.word}: {each.arithmetic}" for metric, each in verdict.figures.items())
    assert verdict.word not in ("above", "below"), message
    if verdict.word != "reproduced":
        pytest.skip(f"{message}; add seeds with --seed")
