"""The model card of an exported network: Markdown that a person reads, and that model hubs show."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from harness.cell import INITIAL_WEIGHTS, settings_label
from harness.datasets import dataset as dataset_spec
from harness.datasets.folder import PREFIX as FOLDER
from harness.reporting.templating import environment
from harness.results.exported import EXPORTED_WEIGHTS, FACTS, FEATURES, IMAGES, INFRARED, ONNX_FILE, ExportedFacts
from harness.results.record import DoneRecord, cell_of
from harness.tables import table

SHOWN_METRICS = ("map", "rank1", "rank5", "rank10", "minp")


@dataclass(frozen=True)
class Terms:
    """A dataset, and in one sentence how its images are had and on which terms."""

    title: str
    sentence: str


def model_card(record: DoneRecord, facts: ExportedFacts, trained_on: str) -> str:
    """The card of an exported cell.

    Args:
        record: The cell's record.
        facts: The facts of the exported folder.
        trained_on: Id of the dataset that the run trained on.
    """
    of_table = table(record["table"])
    # Markdown, not HTML: entities would show in its code.
    return (
        environment()
        .overlay(autoescape=False)
        .get_template("model_card.md")
        .render(
            record=record,
            facts=facts,
            network=facts["network"],
            table=of_table,
            tested_on=dataset_spec(record["dataset"]).title,
            trained_on=dataset_spec(trained_on).title,
            terms=[_terms(each) for each in dict.fromkeys((trained_on, record["dataset"]))],
            settings=settings_label(cell_of(record).settings),
            metrics=[metric for metric in SHOWN_METRICS if metric in record["metrics"]],
            verify=_verify_command(record),
            receipt=json.dumps(record["receipt"], indent=1, ensure_ascii=False),
            weights_file=EXPORTED_WEIGHTS,
            facts_file=FACTS,
            onnx_file=ONNX_FILE,
            images_input=IMAGES,
            infrared_input=INFRARED,
            features_output=FEATURES,
        )
    )


def _verify_command(record: DoneRecord) -> str:
    """The command that scores the record again. A file of weights is to be named by the user."""
    options = ["--profile", record["profile"], "--seed", str(record["seed"])]
    for setting in cell_of(record).settings:
        weights = setting.name == INITIAL_WEIGHTS
        options += ["--initial-weights", "FILE"] if weights else ["--set", f"{setting.name}={setting.value}"]
    return f"reid-tables verify {shlex.join([record['cell'], *options])}"


def _terms(dataset: str) -> Terms:
    spec = dataset_spec(dataset)
    if spec.embedded:
        return Terms(spec.title, "Drawn by the harness; its images show nobody, and no licence binds them.")
    if dataset.startswith(FOLDER):
        return Terms(spec.title, "Images of the user's own; their owner says who may use them and what follows.")
    return Terms(
        spec.title,
        f"It shows real people, and its authors' terms bind what is made of it, these weights too. {spec.obtain}",
    )
