"""Does the table hold? One check per cell, named as on the command line and in the report.

``pytest benchmarks -k duke``: with comparable records a cell passes or fails by its verdict. Without them it is
skipped, and the message gives the command that makes them. ``HARNESS_RESULTS`` names another results folder.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.cell import cell_command, cell_id
from harness.datasets import DATASETS
from harness.datasets.base import DatasetSpec
from harness.errors import BadInput
from harness.evaluation.verdicts import judge, mean_per_split, overall, recipe_reasons, split_reasons
from harness.results.record import Record
from harness.results.store import Store, existing
from harness.tables import Row, Table, tables

RESULTS = Path(os.environ.get("HARNESS_RESULTS", Path(__file__).parents[1] / "results"))

CELLS = [
    pytest.param(table, row, dataset, id=cell_id(table.id, row.key, dataset))
    for table in tables().values()
    for row in table.rows
    for dataset in row.published
    if row.runs and dataset in DATASETS and dataset not in row.borrowed
]


@pytest.fixture(scope="session")
def records() -> list[Record]:
    try:
        if "HARNESS_RESULTS" in os.environ:
            existing(RESULTS, "HARNESS_RESULTS")
        return one_per_seed(RESULTS / "reference", RESULTS)
    except BadInput as error:
        pytest.exit(f"error: {error}", returncode=2)


def one_per_seed(*folders: Path) -> list[Record]:
    """The done records, one per cell, profile and seed (a copy is no second seed). Later folders win."""
    read = [record for folder in folders if folder.is_dir() for record in Store(folder).records()]
    done = (record for record in read if record["status"] == "done")
    return list({(record["cell"], record["profile"], record["seed"]): record for record in done}.values())


def measured(records: list[Record], metric: str, spec: DatasetSpec) -> list[float]:
    """The metric of each record that has it; one mean per split if the dataset has several."""
    having = [record for record in records if metric in record["metrics"]]
    return mean_per_split([record["metrics"][metric] for record in having], [record["seed"] for record in having], spec)


@pytest.mark.parametrize(("table", "row", "dataset"), CELLS)
def test_reproduces(table: Table, row: Row, dataset: str, records: list[Record]) -> None:
    published = {metric: figure for metric, figure in row.published[dataset].items() if figure is not None}
    if not published:
        pytest.skip("the paper prints no figure for this cell")
    if not table.built:
        pytest.skip(f"method {table.method} is not built yet")
    address = cell_id(table.id, row.key, dataset)
    own = [record for record in records if record["cell"] == address]
    comparable = [record for record in own if not record["verdict"]["reasons"]]
    if not comparable:
        why = "; ".join(dict.fromkeys(record["verdict"]["reason"] for record in own)) or "no record"
        pytest.skip(f"{why}; run: {cell_command(table.id, row.key, dataset, 'paper', '--data-root', 'DIR')}")
    spec = DATASETS[dataset]
    reasons = recipe_reasons([record["receipt"] for record in comparable], spec.splits)
    reasons += split_reasons({spec.split_of(record["seed"]) for record in comparable}, spec.splits)
    if reasons:
        pytest.skip("; ".join(reasons))
    verdicts = {
        metric: judge(measured(comparable, metric, spec), figure, figure.decimals, splits=spec.splits)
        for metric, figure in published.items()
    }
    message = "; ".join(f"{metric} {each.word}: {each.arithmetic or each.reason}" for metric, each in verdicts.items())
    word = overall({each.word for each in verdicts.values()})
    assert word not in ("above", "below"), message
    if word != "reproduced":
        pytest.skip(f"{message}; add seeds with --seed")
