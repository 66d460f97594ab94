"""Does the table hold? One check a cell, by the same address as the command line and the report.

``pytest benchmarks -k duke``: a cell passes or fails by its verdict where records comparable with the paper exist, and
is skipped with the command that makes them where none does. ``HARNESS_RESULTS`` names another results folder.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from harness.cell import cell_id
from harness.datasets import DATASETS
from harness.evaluation.verdicts import judge, split_reasons
from harness.store import Record, Store
from harness.tables import Row, Table, tables

RESULTS = Path(os.environ.get("HARNESS_RESULTS", Path(__file__).parents[1] / "results"))

CELLS = [
    pytest.param(table, row, dataset, id=cell_id(table.id, row.key, dataset))
    for table in tables().values()
    for row in table.rows
    for dataset in row.published
    if row.runs and dataset in DATASETS
]


@pytest.fixture(scope="session")
def records() -> list[Record]:
    folders = [RESULTS, RESULTS / "reference"]
    return [record for folder in folders if folder.is_dir() for record in Store(folder).records()]


@pytest.mark.parametrize(("table", "row", "dataset"), CELLS)
def test_reproduces(table: Table, row: Row, dataset: str, records: list[Record]) -> None:
    published = {metric: figure for metric, figure in row.published[dataset].items() if figure is not None}
    if not published:
        pytest.skip("the paper prints no figure for this cell")
    if not table.built:
        pytest.skip(f"method {table.method} is not built yet")
    address = cell_id(table.id, row.key, dataset)
    own = [record for record in records if record["cell"] == address and record["status"] == "done"]
    comparable = [record for record in own if not record["verdict"]["reasons"]]
    if not comparable:
        why = "; ".join(dict.fromkeys(record["verdict"]["reason"] for record in own)) or "no record"
        options = shlex.join(["--table", table.id, "--row", row.key, "--dataset", dataset, "--profile", "paper"])
        pytest.skip(f"{why}; run: python -m harness.run {options} --data-root DIR")
    spec = DATASETS[dataset]
    lacking = split_reasons({spec.split_of(record["seed"]) for record in comparable}, spec.splits)
    if lacking:
        pytest.skip("; ".join(lacking))
    for metric, figure in published.items():
        measured = [record["metrics"][metric] for record in comparable if metric in record["metrics"]]
        if not measured:
            continue
        verdict = judge(measured, figure, figure.decimals, splits=spec.splits)
        assert verdict.word in ("reproduced", "undecided"), f"{metric} {verdict.word}: {verdict.arithmetic}"
        if verdict.word == "undecided":
            pytest.skip(f"{metric} undecided: {verdict.arithmetic}; add seeds with --seed")
