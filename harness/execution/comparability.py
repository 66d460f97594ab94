"""Why a figure cannot be set against a published one."""

from __future__ import annotations

from typing import Any

from harness.datasets import dataset as dataset_spec
from harness.datasets.base import Passport
from harness.evaluation.verdicts import judge, overall
from harness.plan import PlannedCell, Run
from harness.recipe import Initialisation
from harness.store import Record, Store


def reasons(run: Run, planned: PlannedCell, manifest: Record, passport: Passport, store: Store) -> list[str]:
    """Every reason why the cell is not comparable with the paper; none when it is."""
    found = []
    if planned.cell.profile != "paper":
        found.append(f"{planned.cell.profile} profile, not the paper's recipe")
    if dataset_spec(planned.cell.dataset).embedded:
        found.append("embedded dataset, which no paper used")
    elif not passport.variant.startswith("official"):
        found.append(f"dataset variant: {passport.variant}")
    found += [f"initialisation: {source}" for source in _not_imagenet(run, manifest, store)]
    return found


def _not_imagenet(run: Run, manifest: Record, store: Store) -> list[str]:
    """Sources of weights, along the runs that this one starts from, that are not what the paper's recipe asks for."""
    if run.parent is not None:
        parent = store.run_manifest(run.parent.id)
        return _not_imagenet(run.parent, parent, store) if parent else []
    source = manifest["initialisation"]["source"]
    wanted: Initialisation = run.method.recipe(run.switches, run.dataset, "paper").initialisation
    return [source] if wanted.kind == "imagenet" and source.startswith("scratch") else []


def verdict(metrics: dict[str, float], published: dict[str, Any], why_not: list[str]) -> dict[str, Any]:
    """The verdict of one record: one word for the cell, and the arithmetic of each published metric."""
    judged = {
        metric: judge([metrics[metric]], figure, getattr(figure, "decimals", 1), why_not)
        for metric, figure in published.items()
        if figure is not None and metric in metrics
    }
    word = overall([each.word for each in judged.values()])
    return {
        "word": word or "not comparable",
        "reason": "; ".join(why_not) or ("" if word else "the paper prints no figure for this cell"),
        "reasons": why_not,
        "metrics": {name: {"word": each.word, "arithmetic": each.arithmetic} for name, each in judged.items()},
    }
