"""What a cell cost: parameters, multiply-adds, latency, training speed, memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.reporting.cells import MeasuredCell
from harness.reporting.cost_figures import measured_cost
from harness.reporting.wording import DASH, count, fixed, millions

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
    records = [(cell.row.key, cell.done[0].get("cost") or {}) for cell in cells if cell.done]
    with_priors = any(cost.get("parameters_of_priors") for _, cost in records)
    rows = tuple(
        (name, (*_numbers(cost), *(_of_priors(cost) if with_priors else ()))) for name, cost in records if cost
    )
    notes = [note for _, cost in records for note in _notes(cost)]
    return CostTable((*HEADINGS, *(OF_PRIORS if with_priors else ())), rows, tuple(dict.fromkeys(notes)))


def _numbers(cost: dict[str, Any]) -> tuple[str, ...]:
    speed, memory = cost.get("training_images_per_second"), cost.get("peak_memory_mb")
    return (
        *(millions(_at(cost, "parameters", of)) for of in ("training", "training_without_classifiers", "inference")),
        _giga(_at(cost, "macs", "macs")),
        *(_latency(_at(cost, "latency", of)) for of in ("features_batch1", "features_large", "matching")),
        _query_in_all(cost),
        DASH if speed is None else f"{count(speed)} images/s",
        DASH if memory is None else f"{count(memory)} MB",
    )


def _of_priors(cost: dict[str, Any]) -> tuple[str, ...]:
    return millions(cost.get("parameters_of_priors")), _giga(cost.get("macs_of_priors"))


def _giga(macs: float | None) -> str:
    return DASH if macs is None else f"{fixed(macs / 1e9, 3)} G"


def _latency(latency: dict[str, Any] | None) -> str:
    if not latency or latency.get("median_ms") is None:
        return DASH
    return f"{latency['median_ms']:.3g} ms ({latency['p95_ms']:.3g})"


def _query_in_all(cost: dict[str, Any]) -> str:
    seconds = measured_cost(cost, "time_s")
    return DASH if seconds is None else f"{seconds * 1e3:.3g} ms"


def _notes(cost: dict[str, Any]) -> list[str]:
    convention, device = _at(cost, "macs", "convention"), _at(cost, "latency", "device")
    batch, gallery = _at(cost, "latency", "features_large", "batch"), _at(cost, "latency", "matching", "gallery")
    return [
        *([f"Multiply-adds: {convention}."] if convention else []),
        *([f"Latency on {device}."] if device else []),
        *([f"Large batch: {count(batch)} images, time for each image."] if batch else []),
        *([f"Matching: one query against {count(gallery)} gallery images."] if gallery else []),
        *(["A query in all: medians of features at batch 1 and of matching, added."] if gallery else []),
        *(_estimator(kind, name) for kind, name in (cost.get("estimators") or {}).items()),
    ]


def _estimator(kind: str, name: str | None) -> str:
    """What the test images' priors of that kind are taken to cost."""
    if name is None:
        return f"What makes the {kind} that a row reads at test is not counted."
    return f"Of priors: {name}, which a row that reads {kind} at test would need; counted, neither run nor timed here."


def _at(tree: Any, *keys: str) -> Any:
    """What stands under those keys, or None where one is absent."""
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree
