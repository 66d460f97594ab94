"""Evaluate the cells of a trained run and write their records."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.datasets.base import Dataset
from harness.datasets.images import decoded
from harness.evaluation.degeneracy import Degeneracy, degeneracy_of_features, degeneracy_of_map
from harness.evaluation.protocols import PROTOCOLS
from harness.evaluation.trials import trial_galleries
from harness.files.atomic import write_arrays, write_json
from harness.files.hashing import file_digest
from harness.files.names import dataset_stem
from harness.measure import measured_cost
from harness.models.reid import ReIDModel
from harness.plan.plan import PlannedCell, Run
from harness.results.record import SCHEMA, CellFields, Cost, DoneRecord, Evaluation
from harness.runs import comparability
from harness.runs.arithmetic import Arithmetic, arithmetic_of_evaluation
from harness.runs.computing import computing
from harness.runs.context import EvaluatedCell, Order, RunContext, TrainedRun
from harness.runs.convergence import training_rank1
from harness.runs.evaluation import FeatureScores, ScoredFeature, TestImages, evaluate_run
from harness.runs.illustrations import attention, ranking_strips
from harness.runs.receipt import receipt
from harness.runs.training import load_model
from harness.status.tracking import write_metrics


def record_cells(trained: TrainedRun, cells: list[PlannedCell]) -> list[DoneRecord]:
    """Write the records of these cells of one run and one dataset. The network runs only for what is not evaluated."""
    run, context = trained.run, trained.context
    dataset = context.shelf.dataset(cells[0].cell.dataset, run.seed)
    # Held while looking and writing: another process may be evaluating the same run.
    with context.claim(run), computing(run):
        pending = [planned for planned in cells if not _is_evaluated(planned, context)]
        if pending:
            _evaluate(trained, dataset, pending)
    records = []
    for planned in cells:
        evaluation = context.store.evaluation(evaluation_path(planned))
        assert evaluation is not None
        record = _record(EvaluatedCell(planned, trained, dataset, evaluation))
        context.store.write_record(record)
        write_metrics(context.store, run, record)
        records.append(record)
    return records


def evaluation_path(planned: PlannedCell) -> str:
    """Folder of a cell's evaluation, relative to the results folder."""
    return f"runs/{planned.needed_run.id}/{dataset_stem(planned.cell.dataset)}-{planned.feature_label}"


def gallery_size(dataset: Dataset, protocol: str) -> int:
    """Gallery images that a query is matched against, in one trial where there are several: all rank equally many."""
    return len(trial_galleries(PROTOCOLS[protocol], dataset.gallery.identities, dataset.gallery.cameras)[0])


def test_images(run: Run, dataset: Dataset, kinds: tuple[str, ...], context: RunContext) -> TestImages:
    """Decode the test splits of a dataset at the image size of a run.

    Args:
        run: The run.
        dataset: The dataset to test on.
        kinds: The kinds of priors that the network reads in a test.
        context: The run's context, with its shelf.
    """
    priors = {
        split: dict(context.shelf.priors(dataset.id, run.seed, split, kinds).arrays)
        for split in ("query", "gallery")
        if kinds
    }
    return TestImages.of(dataset, run.recipe.height, run.recipe.width, priors)


def cell_fields(planned: PlannedCell) -> CellFields:
    """The fields of the cell's record that are known before it is evaluated."""
    cell = planned.cell
    found: CellFields = {
        "schema": SCHEMA,
        "cell": cell.id,
        "table": cell.table,
        "row": cell.row,
        "method": planned.method,
        "dataset": cell.dataset,
        "profile": cell.profile,
        "seed": cell.seed,
        "run": planned.needed_run.id,
        "published": dict(planned.published),
    }
    if cell.settings:
        found["settings"] = [{"name": each.name, "value": each.value} for each in cell.settings]
    return found


def _is_evaluated(planned: PlannedCell, context: RunContext) -> bool:
    evaluation = context.store.evaluation(evaluation_path(planned))
    return evaluation is not None and evaluation["id"] == planned.evaluation_id


def _evaluate(trained: TrainedRun, dataset: Dataset, pending: list[PlannedCell]) -> None:
    """Cells that read the same priors share an extraction, so that the files of one depend on no other."""
    run, context = trained.run, trained.context
    started = time.perf_counter()
    context.watch.begin(f"evaluating run {run.id} on {dataset.id}", 1)
    model = load_model(trained)
    for kinds in dict.fromkeys(planned.priors for planned in pending):
        context.world.broadcast(Order(run.id, dataset.id, kinds))
        images = test_images(run, dataset, kinds, context)
        arithmetic = arithmetic_of_evaluation(trained, model, images)
        of_kinds = [each for each in pending if each.priors == kinds]
        _Extraction(trained, dataset, model, images, arithmetic, started).write(of_kinds)


@dataclass(frozen=True)
class _Extraction:
    """A trained network and the test images that it is evaluated on. ``started`` is on the performance counter."""

    trained: TrainedRun
    dataset: Dataset
    model: ReIDModel
    images: TestImages
    arithmetic: Arithmetic
    started: float

    def write(self, cells: Iterable[PlannedCell]) -> None:
        """Evaluate cells that read the priors of the images, and write their files."""
        run, context = self.trained.run, self.trained.context
        of_feature = {ScoredFeature(planned.embedding, planned.reranked): planned for planned in cells}
        protocol = next(iter(of_feature.values())).spec.protocol
        found = evaluate_run(
            self.model,
            self.dataset,
            self.images,
            protocol,
            list(of_feature),
            run.recipe.flip_test,
            self.arithmetic.machine,
            context.world,
        )
        costs: dict[str, Cost] = {}
        for feature, planned in of_feature.items():
            if planned.embedding not in costs:
                costs[planned.embedding] = self._cost(planned.embedding, gallery_size(self.dataset, protocol))
            self._write_evaluation(planned, found[feature], costs[planned.embedding])

    def _training_rank1(self, planned: PlannedCell) -> float | None:
        run, shelf = self.trained.run, self.trained.context.shelf
        trained_on = shelf.dataset(run.dataset, run.seed)
        images = decoded(trained_on, "train", run.recipe.height, run.recipe.width)
        kinds = planned.priors
        priors = shelf.priors(run.dataset, run.seed, "train", kinds).arrays if kinds else {}
        machine = self.trained.context.machine
        return training_rank1(self.model, images, trained_on.train, priors, planned.embedding, machine)

    @property
    def _shown(self) -> bool:
        """Whether the files may hold images."""
        return self.trained.context.keep_images or self.dataset.embedded

    @property
    def _priors(self) -> dict[str, NDArray[Any]]:
        return self.images.priors.get("query", {})

    @cached_property
    def _maps(self) -> dict[str, NDArray[Any]] | None:
        machine, caption = self.arithmetic.machine, self.trained.run.method.attention
        return attention(self.model, self.images.query, self._priors, machine, caption) if self._shown else None

    def _cost(self, embedding: str, gallery: int) -> Cost:
        run, machine = self.trained.run, self.arithmetic.machine
        return measured_cost(self.model, run.recipe, machine, gallery, self.trained.manifest, self._priors, embedding)

    def _write_evaluation(self, planned: PlannedCell, found: FeatureScores, cost: Cost) -> None:
        """Arrays first, evaluation.json last: an evaluation is done when that file is there."""
        folder = self.trained.context.store.path(evaluation_path(planned))
        (folder / "evaluation.json").unlink(missing_ok=True)
        strips = ranking_strips(found.scores, self.dataset, self.images.query, self.images.gallery, self._shown)
        arrays: dict[str, dict[str, NDArray[Any]] | None] = {
            "features": _feature_arrays(found, self.dataset),
            "strips": strips,
            "attention": self._maps,
            # With the identities, claims can be judged from the scores alone: features are too large to pass on.
            "scores": {**vars(found.scores), "query_ids": self.dataset.query.identities},
        }
        assert planned.evaluation is not None
        evaluation: Evaluation = {
            "id": planned.evaluation_id,
            "configuration": planned.evaluation,
            "metrics": found.metrics,
            "metrics_without_flip": found.metrics_without_flip,
            "intervals": found.intervals,
            "cmc": [round(float(value), 4) for value in found.scores.cmc],
            "cost": cost,
            "seconds": time.perf_counter() - self.started,
            "sha256": _write_arrays(folder, arrays),
            "training_rank1": self._training_rank1(planned),
        }
        sign = _degeneracy(found, planned.embedding, gallery_size(self.dataset, planned.spec.protocol))
        if sign:
            evaluation["degenerate"] = sign
        if self.arithmetic.distrust:
            evaluation["distrust"] = self.arithmetic.distrust
        write_json(folder / "evaluation.json", evaluation)


def _degeneracy(found: FeatureScores, embedding: str, gallery: int) -> Degeneracy | None:
    """The sign of a collapsed network in its test features, else in its mAP."""
    matches = np.diff(found.scores.offsets)
    return degeneracy_of_features(found.features["query"], embedding) or degeneracy_of_map(
        found.metrics["map"], matches, gallery
    )


def _feature_arrays(found: FeatureScores, dataset: Dataset) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = dict(found.features)
    if dataset.junk is not None and "junk" in found.features:
        arrays["junk_cams"] = dataset.junk.cameras
    for name, split in (("query", dataset.query), ("gallery", dataset.gallery)):
        arrays[f"{name}_ids"] = split.identities
        arrays[f"{name}_cams"] = split.cameras
        arrays[f"{name}_names"] = np.array(split.names)
    return arrays


def _write_arrays(folder: Path, arrays: dict[str, dict[str, NDArray[Any]] | None]) -> dict[str, str]:
    """Write ``<name>.npz`` for each; delete an old file where there is nothing now. Returns their digests."""
    digests = {}
    for name, content in arrays.items():
        path = folder / f"{name}.npz"
        if content is None:
            path.unlink(missing_ok=True)
            continue
        # Ranks shrink to a third; features, in float16, would not.
        write_arrays(path, content, compressed=name == "scores")
        digests[name] = file_digest(path)
    return digests


def _record(evaluated: EvaluatedCell) -> DoneRecord:
    planned, evaluation = evaluated.planned, evaluated.evaluation
    record: DoneRecord = {
        **cell_fields(planned),
        "status": "done",
        "cause": None,
        "evaluation": evaluation_path(planned),
        "evaluation_id": planned.evaluation_id,
        "metrics": evaluation["metrics"],
        "metrics_without_flip": evaluation["metrics_without_flip"],
        "intervals": evaluation["intervals"],
        "verdict": comparability.verdict(evaluated),
        "cmc": evaluation["cmc"],
        "curves": evaluated.trained.manifest["log"],
        "cost": evaluation["cost"],
        "receipt": receipt(evaluated),
        "training_rank1": evaluation.get("training_rank1"),
    }
    sign = comparability.degeneracy(evaluated)
    if sign:
        record["degenerate"] = sign
    return record
