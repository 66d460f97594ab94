"""Evaluate the cells of a trained run and write their records."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.datasets import dataset as dataset_spec
from harness.datasets.base import Dataset
from harness.evaluation.protocols import PROTOCOLS
from harness.evaluation.trials import trial_galleries
from harness.files.atomic import write_arrays, write_json
from harness.files.hashing import file_digest
from harness.files.names import dataset_stem
from harness.measure import measured_cost
from harness.models.reid import ReIDModel
from harness.plan.plan import PlannedCell, Run
from harness.results.record import Record
from harness.runs import comparability
from harness.runs.evaluation import Evaluation, ScoredFeature, TestImages, evaluate_run
from harness.runs.illustrations import attention, ranking_strips
from harness.runs.receipt import priors_read, receipt
from harness.runs.training import Order, RunContext, load_model
from harness.status.event_files import write_metrics


def evaluate_cells(
    run: Run, manifest: Record, cells: list[PlannedCell], place: RunContext, keep_images: bool, git: dict[str, Any]
) -> list[Record]:
    """Records of these cells of one run and one dataset; the network runs only for what is not evaluated yet."""
    dataset = place.shelf.dataset(cells[0].cell.dataset, run.seed)
    # Held while looking and writing: another harness on this folder may be evaluating the same run.
    with place.claim(run):
        pending = {
            ScoredFeature(planned.embedding, planned.reranked): planned
            for planned in cells
            if not _evaluated(planned, place)
        }
        if pending:
            _evaluate(run, manifest, dataset, pending, place, keep_images)
    records = []
    for planned in cells:
        evaluation = place.store.evaluation(evaluation_path(run, planned))
        assert evaluation is not None
        record = _record(run, manifest, planned, evaluation, dataset, place, git)
        place.store.write_record(record)
        write_metrics(place.store, run, record)
        records.append(record)
    return records


def evaluation_path(run: Run, planned: PlannedCell) -> str:
    """Folder of an evaluation, relative to the results folder."""
    return f"runs/{run.id}/{dataset_stem(planned.cell.dataset)}-{planned.reading}"


def _evaluated(planned: PlannedCell, place: RunContext) -> bool:
    assert planned.run is not None
    evaluation = place.store.evaluation(evaluation_path(planned.run, planned))
    return evaluation is not None and evaluation["id"] == planned.evaluation_id


def _evaluate(
    run: Run,
    manifest: Record,
    dataset: Dataset,
    pending: dict[ScoredFeature, PlannedCell],
    place: RunContext,
    keep_images: bool,
) -> None:
    """Readings of the same priors share an extraction, so that what one keeps depends on no other that is pending."""
    started = time.perf_counter()
    place.watch.begin(f"evaluating run {run.id} on {dataset.id}", 1)
    model = load_model(run, manifest, place)
    for kinds in dict.fromkeys(planned.priors for planned in pending.values()):
        place.world.broadcast(Order(run.id, dataset.id, kinds))
        images = test_images(run, dataset, kinds, place)
        alike = {reading: planned for reading, planned in pending.items() if planned.priors == kinds}
        _evaluate_alike(run, manifest, dataset, model, images, alike, place, keep_images, started)


def _evaluate_alike(
    run: Run,
    manifest: Record,
    dataset: Dataset,
    model: ReIDModel,
    images: TestImages,
    pending: dict[ScoredFeature, PlannedCell],
    place: RunContext,
    keep_images: bool,
    started: float,
) -> None:
    """Evaluate readings that all read the priors of ``images``."""
    protocol = dataset_spec(dataset.id).protocol
    flip = run.recipe.flip_test
    found = evaluate_run(model, dataset, images, protocol, list(pending), flip, place.machine, place.world)
    costs: dict[str, dict[str, Any]] = {}
    shown = keep_images or dataset.embedded
    given = images.priors.get("query", {})
    maps = attention(model, images.query, given, place.machine, run.method.attention) if shown else None
    ranked = images_ranked(dataset, protocol)
    for reading, planned in pending.items():
        name = planned.embedding
        if name not in costs:
            costs[name] = measured_cost(model, run.recipe, place.machine, ranked, manifest, given, name)
        folder = place.store.path(evaluation_path(run, planned))
        strips = ranking_strips(found[reading].scores, dataset, images.query, images.gallery, shown)
        arrays = {"features": _feature_arrays(found[reading], dataset), "strips": strips, "attention": maps}
        _write(folder, planned, found[reading], arrays, costs[name], time.perf_counter() - started)


def images_ranked(dataset: Dataset, protocol: str) -> int:
    """How many gallery images a query is matched against: those of one trial, which all trials have equally many of."""
    return len(trial_galleries(PROTOCOLS[protocol], dataset.gallery.identities, dataset.gallery.cameras)[0])


def test_images(run: Run, dataset: Dataset, kinds: tuple[str, ...], place: RunContext) -> TestImages:
    """The test splits of a dataset at the size of a run, with priors of these kinds."""
    priors = {
        split: place.shelf.priors(dataset.id, run.seed, split, kinds).arrays for split in ("query", "gallery") if kinds
    }
    return TestImages.of(dataset, run.recipe.height, run.recipe.width, {k: dict(v) for k, v in priors.items()})


def _feature_arrays(evaluation: Evaluation, dataset: Dataset) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = dict(evaluation.features)
    if dataset.junk is not None and "junk" in evaluation.features:
        arrays["junk_cams"] = dataset.junk.cameras
    for name, split in (("query", dataset.query), ("gallery", dataset.gallery)):
        arrays[f"{name}_ids"] = split.identities
        arrays[f"{name}_cams"] = split.cameras
        arrays[f"{name}_names"] = np.array(split.names)
    return arrays


def _write(
    folder: Path,
    planned: PlannedCell,
    found: Evaluation,
    arrays: dict[str, dict[str, NDArray[Any]] | None],
    cost: dict[str, Any],
    seconds: float,
) -> None:
    """Arrays first, evaluation.json last: an evaluation is done when that file is there."""
    (folder / "evaluation.json").unlink(missing_ok=True)
    arrays = {**arrays, "scores": vars(found.scores)}
    digests = {}
    for name, content in arrays.items():
        path = folder / f"{name}.npz"
        if content is None:
            path.unlink(missing_ok=True)
            continue
        write_arrays(path, content)
        digests[name] = file_digest(path)
    write_json(
        folder / "evaluation.json",
        {
            "id": planned.evaluation_id,
            "configuration": planned.evaluation,
            "metrics": found.metrics,
            "metrics_without_flip": found.metrics_without_flip,
            "intervals": found.intervals,
            "cmc": [round(float(value), 4) for value in found.scores.cmc],
            "cost": cost,
            "seconds": seconds,
            "sha256": digests,
        },
    )


def _record(
    run: Run,
    manifest: Record,
    planned: PlannedCell,
    evaluation: Record,
    dataset: Dataset,
    place: RunContext,
    git: dict[str, Any],
) -> Record:
    priors = priors_read(planned, run, manifest, place.shelf)
    trained_on = place.shelf.dataset(run.dataset, run.seed).passport
    why_not = comparability.reasons(run, planned, manifest, dataset.passport, trained_on, place.store, priors)
    return {
        **identity(planned),
        "status": "done",
        "cause": None,
        "run": run.id,
        "evaluation": evaluation_path(run, planned),
        "evaluation_id": planned.evaluation_id,
        "metrics": evaluation["metrics"],
        "metrics_without_flip": evaluation["metrics_without_flip"],
        "intervals": evaluation["intervals"],
        "published": planned.published,
        "verdict": comparability.verdict(planned, evaluation["metrics"], why_not),
        "cmc": evaluation["cmc"],
        "curves": manifest["log"],
        "cost": evaluation["cost"],
        "receipt": receipt(planned, run, manifest, evaluation, dataset.passport, priors, git),
    }


def identity(planned: PlannedCell) -> Record:
    """The fields by which a record is known."""
    cell = planned.cell
    return {
        "cell": cell.id,
        "table": cell.table,
        "row": cell.row,
        "method": planned.method,
        "dataset": cell.dataset,
        "profile": cell.profile,
        "seed": cell.seed,
    }
