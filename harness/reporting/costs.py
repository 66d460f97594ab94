"""What a cell cost: parameters, multiply-adds, latency, training speed, memory."""

from __future__ import annotations

from collections.abc import Sequence
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
"""Shown only where some row reads priors of test images, and what makes them is known."""


@dataclass(frozen=True)
class CostTable:
    """Cost by row, in the order of ``headings``, and what the numbers mean."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    notes: tuple[str, ...]


def cost_table(cells: Sequence[MeasuredCell]) -> CostTable:
    """The cost of each done cell, as its first seed's record has it."""
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
        f"Latency on {latency['device']}.",
        f"Large batch: {count(latency['features_large']['batch'])} images, time per image.",
        f"Matching: one query against {count(latency['matching']['gallery'])} gallery images.",
        "A query in all: medians of features at batch 1 and of matching, added.",
        *(_estimator(kind, name) for kind, name in cost["estimators"].items()),
    ]


def _estimator(kind: str, name: str | None) -> str:
    """How the priors of that kind are counted, which a row reads of test images."""
    if name is None:
        return f"The network that makes the {kind} that a row reads at test is not counted."
    return f"Of priors: {name}, which a row that reads {kind} at test would need; counted, neither run nor timed here."
