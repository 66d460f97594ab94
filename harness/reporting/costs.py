"""Costs of cells: parameters, multiply-adds, latency, training speed, memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.reporting.cells import MeasuredCell
from harness.reporting.cost_figures import query_seconds
from harness.reporting.wording import DASH, count, fixed, millions
from harness.results.record import Cost, ExtractionLatency, MatchingLatency

HEADINGS = (
    "Parameters, training",
    "Parameters, without classifiers",
    "Parameters, inference",
    "Multiply-adds",
    "Features, batch 1",
    "Features, large batch",
    "Matching a query",
    "A query in all",
    "Training speed",
    "Peak memory",
)
OF_PRIORS = ("Parameters, of priors", "Multiply-adds, of priors")
"""Shown only where a row reads priors of test images and their estimator is known."""


@dataclass(frozen=True)
class CostTable:
    """Costs by row, in the order of ``headings``. ``notes`` say what the numbers mean."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    notes: tuple[str, ...]


def cost_table(cells: Sequence[MeasuredCell]) -> CostTable:
    """The cost of each done cell, from the record of its first seed."""
    records = [(cell.row.key, cell.done[0]["cost"]) for cell in cells if cell.done]
    with_priors = any(cost["parameters_of_priors"] for _, cost in records)
    rows = tuple((name, (*_numbers(cost), *(_of_priors(cost) if with_priors else ()))) for name, cost in records)
    notes = [note for _, cost in records for note in _notes(cost)]
    return CostTable((*HEADINGS, *(OF_PRIORS if with_priors else ())), rows, tuple(dict.fromkeys(notes)))


def _numbers(cost: Cost) -> tuple[str, ...]:
    parameters, latency = cost["parameters"], cost["latency"]
    return (
        millions(parameters["training"]),
        millions(parameters["training_without_classifiers"]),
        millions(parameters["inference"]),
        _giga(cost["macs"]["macs"]),
        _latency(latency["features_batch1"]),
        _latency(latency["features_large"]),
        _latency(latency["matching"]),
        f"{query_seconds(cost) * 1e3:.3g} ms",
        f"{count(cost['training_images_per_second'])} images/s",
        f"{count(cost['peak_memory_mb'])} MB",
    )


def _of_priors(cost: Cost) -> tuple[str, ...]:
    return millions(cost["parameters_of_priors"]), _giga(cost["macs_of_priors"])


def _giga(macs: float | None) -> str:
    return DASH if macs is None else f"{fixed(macs / 1e9, 3)} G"


def _latency(latency: ExtractionLatency | MatchingLatency) -> str:
    return f"{latency['median_ms']:.3g} ms ({latency['p95_ms']:.3g})"


def _notes(cost: Cost) -> list[str]:
    latency = cost["latency"]
    return [
        f"Multiply-adds: {cost['macs']['convention']}.",
        f"Latency on {_device(latency['device'])}.",
        f"Large batch: {count(latency['features_large']['batch'])} images, time per image.",
        f"Matching: one query against {count(latency['matching']['gallery'])} gallery images.",
        "A query in all: the median of features at batch 1 plus the median of matching.",
        *_estimators(cost["estimators"]),
    ]


def _device(device: str) -> str:
    """A device as records name it; older ones say ``on 1 threads``."""
    return f"{device.removesuffix(' on 1 threads')} on 1 thread" if device.endswith(" on 1 threads") else device


def _estimators(names: Mapping[str, str | None]) -> list[str]:
    """How the estimators of priors of test images are counted."""
    unknown = [kind for kind, name in names.items() if name is None]
    notes = [_counted_estimator(kind, name) for kind, name in names.items() if name is not None]
    if unknown:
        reads = " or ".join(unknown)
        notes.append(f"A row that reads {reads} at test needs a network that makes it; its cost is not counted.")
    return notes


def _counted_estimator(kind: str, name: str) -> str:
    return f"Of priors: {name}, which a row that reads {kind} at test would need; counted, but not run or timed here."
