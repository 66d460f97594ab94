"""Why a figure cannot be set against a published one."""

from __future__ import annotations

from typing import Any

from harness.datasets import dataset as dataset_spec
from harness.datasets.base import Passport
from harness.evaluation.verdicts import judge, overall, split_reasons
from harness.plan.plan import PlannedCell, Run
from harness.priors.availability import INFRARED
from harness.results.record import Record
from harness.results.store import Store
from harness.runs.receipt import PriorsRead, effective_batch
from harness.tables import table

PUBLISHED_WEIGHTS = {"imagenet": "ImageNet", "luperson": "LUPerson"}
"""Kinds of start that a paper's recipe may ask for and that cannot always be had, with what they are called."""


def reasons(
    run: Run,
    planned: PlannedCell,
    manifest: Record,
    passport: Passport,
    trained_on: Passport,
    store: Store,
    priors: PriorsRead,
) -> list[str]:
    """Every reason why the cell is not comparable with the paper; none when it is.

    ``passport`` is of the dataset that is tested on, ``trained_on`` of the run's own, which may be another.
    """
    found = []
    if planned.cell.profile != "paper":
        found.append(f"{planned.cell.profile} profile, not the paper's recipe")
    if dataset_spec(planned.cell.dataset).embedded:
        found.append("embedded dataset, which no paper used")
    elif not _is_official(passport):
        found.append(f"dataset variant: {passport.variant}")
    if run.dataset != planned.cell.dataset and not dataset_spec(run.dataset).embedded:
        found += [] if _is_official(trained_on) else [f"training set variant: {trained_on.variant}"]
    borrowed = table(planned.cell.table).row(planned.cell.row).borrowed.get(planned.cell.dataset)
    found += [borrowed] if borrowed else []
    found += [f"initialisation: {source}" for source in _not_as_printed(run, manifest, store)]
    found += _not_the_papers_normalisation(run)
    if not dataset_spec(planned.cell.dataset).embedded:
        found += _not_the_papers_estimator(priors)
    return found


def _is_official(passport: Passport) -> bool:
    return passport.variant.startswith("official")


def _not_the_papers_normalisation(run: Run) -> list[str]:
    """What BN saw, where that was a part of the batch that the recipe does not make."""
    computation = run.computation
    if computation.processes == 1 or computation.sync_batch_norm or computation.processes == run.recipe.sampler.groups:
        return []
    batch = effective_batch(run)
    return [f"BN over {batch['bn_scope']}, {batch['per_gpu']} images on each of {batch['gpus']} GPUs"]


def _not_the_papers_estimator(priors: PriorsRead) -> list[str]:
    # Which images are infrared is known, not estimated.
    providers = dict.fromkeys(read["provider"] for read in priors.values() if read["kinds"] != INFRARED)
    return [f"priors: {' and '.join(providers)}, not the paper's estimator"] if providers else []


def _not_as_printed(run: Run, manifest: Record, store: Store) -> list[str]:
    """Where the first of the runs that this one starts from began from scratch, and the paper's did not."""
    lineage = [run]
    while lineage[-1].parent is not None:
        lineage.append(lineage[-1].parent)
    first = manifest if len(lineage) == 1 else store.run_manifest(lineage[-1].id)
    printed = (each.method.recipe(each.switches, each.dataset, "paper").initialisation.kind for each in lineage)
    wanted = next((kind for kind in printed if kind in PUBLISHED_WEIGHTS), None)
    if first is None or wanted is None or not first["initialisation"]["source"].startswith("scratch"):
        return []
    source = first["initialisation"]["source"]
    return [f"the trunk began from {source}; the paper's began from {PUBLISHED_WEIGHTS[wanted]} weights"]


def verdict(planned: PlannedCell, metrics: dict[str, float], why_not: list[str]) -> dict[str, Any]:
    """The verdict of one record: one word for the cell, and the arithmetic of each published metric.

    ``reasons`` are those of ``why_not``; that one record is of one split alone is said of it, but not of the cell.
    """
    spec = dataset_spec(planned.cell.dataset)
    alone = [*why_not, *split_reasons({spec.split_of(planned.cell.seed)}, spec.splits)]
    judged = {
        metric: judge([metrics[metric]], figure, getattr(figure, "decimals", 1), alone)
        for metric, figure in planned.published.items()
        if figure is not None and metric in metrics
    }
    word = overall([each.word for each in judged.values()])
    return {
        "word": word or "not comparable",
        "reason": "; ".join(alone) or ("" if word else "the paper prints no figure for this cell"),
        "reasons": why_not,
        "metrics": {name: {"word": each.word, "arithmetic": each.arithmetic} for name, each in judged.items()},
    }
