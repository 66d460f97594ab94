"""Whole, valid records and the files beside them, for tests: what a run could have written.

Every builder takes what a test is about and fills in the rest. ``{**done_record(), "run": "x"}`` changes any field.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from harness.cell import Cell, cell_id
from harness.evaluation.interval import Interval
from harness.machine.computation import Precision
from harness.machine.hardware import HardwareFacts
from harness.machine.revision import GitState
from harness.recipe import Profile
from harness.results.record import (
    SCHEMA,
    CellFields,
    ComputationOfRecord,
    Cost,
    CostOfRow,
    DoneRecord,
    EffectiveBatch,
    Evaluation,
    EvaluationConfiguration,
    FailedRecord,
    Manifest,
    MeasuredTable,
    PassportOfRecord,
    PriorsOfSplit,
    ProtocolOfRecord,
    Receipt,
    RunConfiguration,
    Start,
    VerdictOfRecord,
    record_digest,
)
from harness.training.log import TrainingLog

HARDWARE: HardwareFacts = {
    "cpu": "Abacus",
    "cores": 2,
    "threads": 2,
    "memory_gb": 16.0,
    "gpu": None,
    "device": "cpu",
    "system": "Linux x86_64",
}
GIT: GitState = {"revision": "0123456789abcdef", "dirty": False}
PACKAGES = {"python": "3.11.7", "torch": "2.15.0"}
LOG: TrainingLog = {
    "epoch": [1, 2, 3],
    "loss": [5.0, 3.0, 2.0],
    "losses": {"id_mt": [5.0, 3.0, 2.0]},
    "rate": [0.1, 0.1, 0.01],
    "images_per_second": [800.0, 810.0, 820.0],
    "seconds": [10.0, 10.0, 10.0],
}
SCRATCH: Start = {
    "kind": "scratch",
    "wanted": "scratch",
    "reason": None,
    "origin": {"kind": "scratch", "wanted": "scratch", "reason": None},
    "run": None,
    "method": None,
    "part": None,
    "file": None,
    "split_norms": 0,
    "matched": 0,
    "missing": [],
    "unexpected": [],
}
LOG = {
    "epoch": [1, 2],
    "loss": [3.0, 2.5],
    "losses": {"id": [2.0, 1.5], "triplet": [1.0, 1.0]},
    "rate": [0.1, 0.01],
    "images_per_second": [90.0, 110.0],
    "seconds": [12.0, 10.0],
}
"""The log of a training after two of its epochs."""
METRICS = {
    **{"map": 41.234, "rank1": 55.0, "rank3": 65.0, "rank5": 70.0, "rank10": 80.0, "rank20": 90.0, "minp": 12.0},
    **{"map_trapezoid": 40.5, "queries": 300.0, "queries_without_match": 2.0},
}


class ChangedReceipt(TypedDict, total=False):
    """Fields of a receipt that a test is about."""

    switches: dict[str, Any]
    recipe: dict[str, Any]
    initialisation: Start
    effective_batch: EffectiveBatch
    passport: PassportOfRecord
    protocol: ProtocolOfRecord
    embedding: str
    priors: dict[str, PriorsOfSplit]
    hardware: HardwareFacts
    code: str | None
    computation: ComputationOfRecord
    wall_seconds: float
    weights_sha256: str
    evaluation_sha256: dict[str, str]


def cell(
    table: str = "mpn_ablation",
    row: str = "MPN",
    dataset: str = "synthetic",
    profile: Profile = "demo",
    seed: int = 0,
) -> Cell:
    """A cell."""
    return Cell(table, row, dataset, profile, seed)


def done_record(
    table: str = "mpn_ablation",
    row: str = "MPN",
    dataset: str = "synthetic",
    profile: Profile = "demo",
    seed: int = 0,
    metrics: Mapping[str, float] | None = None,
    reasons: Sequence[str] = ("demo profile",),
    **changed: Unpack[ChangedReceipt],
) -> DoneRecord:
    """The record of an evaluated cell, with figures that a run could have.

    Args:
        table: Id of its table.
        row: Key of its row.
        dataset: Id of the dataset that it is tested on.
        profile: Its profile.
        seed: Its seed.
        metrics: Metrics that differ from ``METRICS``, in percent.
        reasons: Why it is not comparable with its paper; none where it is.
        changed: Fields of its receipt that differ from ``receipt``.
    """
    fields = cell_fields(cell(table, row, dataset, profile, seed))
    figures = {**METRICS, **(metrics or {})}
    accuracies = [metric for metric in figures if not metric.startswith("queries")]
    verdict: VerdictOfRecord = {
        "word": "not comparable" if reasons else "undecided",
        "reason": "; ".join(reasons),
        "reasons": list(reasons),
        "metrics": {},
    }
    own: Receipt = {
        **receipt(),
        "passport": passport(dataset),
        "command": _command(fields),
        **changed,
    }
    record: DoneRecord = {
        **fields,
        "status": "done",
        "cause": None,
        "evaluation": f"runs/{fields['run']}/{dataset}-h-flip",
        "evaluation_id": "e" * 16,
        "metrics": figures,
        "metrics_without_flip": {**figures, "map": figures["map"] - 0.5},
        "intervals": {metric: interval(figures[metric]) for metric in accuracies},
        "verdict": verdict,
        "cmc": [min(100.0, figures["rank1"] + rank) for rank in range(50)],
        "curves": LOG,
        "cost": cost(),
        "receipt": own,
    }
    return {**record, "digest": record_digest(record)}


def failed_record(
    table: str = "mpn_ablation",
    row: str = "MPN",
    message: str = "no memory",
    dataset: str = "synthetic",
    profile: Profile = "demo",
    seed: int = 0,
    kind: str = "out of memory",
) -> FailedRecord:
    """The record of a cell that ended in an error.

    Args:
        table: Id of its table.
        row: Key of its row.
        message: What the error said.
        dataset: Id of the dataset that it was to be tested on.
        profile: Its profile.
        seed: Its seed.
        kind: Its typed cause.
    """
    fields = cell_fields(cell(table, row, dataset, profile, seed))
    record: FailedRecord = {
        **fields,
        "status": "failed",
        "cause": {"kind": kind, "message": message, "log_tail": ["epoch 3", "<boom>"], "attempts": 1},
        "evaluation": None,
        "evaluation_id": None,
        "metrics": {},
        "verdict": {"word": "failed", "reason": kind, "reasons": [kind], "metrics": {}},
        "receipt": {"git": GIT, "command": _command(fields)},
    }
    return {**record, "digest": record_digest(record)}


def cell_fields(of: Cell) -> CellFields:
    """The fields of a cell's record that are known before it is evaluated. Rows have runs of their own."""
    return {
        "schema": SCHEMA,
        "cell": cell_id(of.table, of.row, of.dataset),
        "table": of.table,
        "row": of.row,
        "method": "mpn",
        "dataset": of.dataset,
        "profile": of.profile,
        "seed": of.seed,
        "run": f"{sum(map(ord, of.row)) * 7919 + of.seed:016x}",
        "published": {},
    }


def _command(fields: CellFields) -> str:
    which = ["--table", fields["table"], "--row", fields["row"], "--dataset", fields["dataset"]]
    return f"python -m harness.run {shlex.join([*which, '--seed', str(fields['seed'])])}"


def interval(figure: float) -> Interval:
    """Intervals around a figure, that by identity the wider one."""
    return {"by_query": [figure - 1, figure + 1], "by_identity": [figure - 2, figure + 2.5]}


def passport(dataset: str = "synthetic", fingerprint: str = "f" * 64) -> PassportOfRecord:
    """The passport of a dataset as published."""
    return {
        "dataset": dataset,
        "variant": "official",
        "official": True,
        "fingerprint": fingerprint,
        "counts": {"train_images": 1200},
        "remarks": [],
    }


def cost() -> Cost:
    """The cost of a small network."""
    return {
        "parameters": {"training": 6_000_000, "training_without_classifiers": 5_000_000, "inference": 4_123_456},
        "macs": {"macs": 123_000_000, "convention": "multiply-adds; batch 1, no flip"},
        "parameters_of_priors": None,
        "macs_of_priors": None,
        "estimators": {},
        "latency": {
            "features_batch1": {"batch": 1, "median_ms": 4.2, "p95_ms": 5.1, "repeats": 67},
            "features_large": {"batch": 64, "median_ms": 0.9, "p95_ms": 1.2, "repeats": 7},
            "matching": {"gallery": 780, "median_ms": 0.2, "p95_ms": 0.3, "repeats": 200},
            "device": "cpu",
        },
        "training_images_per_second": 812.3,
        "peak_memory_mb": 812,
    }


def computation(precision: Precision = "bfloat16") -> ComputationOfRecord:
    """In which arithmetic a run was trained."""
    return {"precision": precision, "memory_format": "channels_last", "compiled": False, "features": "float16"}


def batch(gpus: int = 1) -> EffectiveBatch:
    """A batch of 32 images, shared among GPUs."""
    return {
        "gpus": gpus,
        "per_gpu": 32 // gpus,
        "identities": 8,
        "images_per_identity": 4,
        "infrared_images_per_identity": 0,
        "bn_scope": "the whole batch",
        "losses_over": "the whole batch",
    }


def protocol(name: str = "market1501") -> ProtocolOfRecord:
    """A protocol by its id, with cosine similarity and flip."""
    return {"id": name, "metric": "cosine", "flip_test": True, "ap": "step form", "reranked": False}


def receipt(**changed: Unpack[ChangedReceipt]) -> Receipt:
    """The receipt of a training from scratch on one processor."""
    whole: Receipt = {
        "switches": {"tasks": "mt_and_at", "k": 6},
        "recipe": {"height": 192, "epochs": 60, "erasing": {"probability": 0.5, "fill": [0.0, 0.0, 0.0]}},
        "initialisation": SCRATCH,
        "effective_batch": batch(),
        "passport": passport(),
        "protocol": protocol(),
        "embedding": "h",
        "priors": {},
        "git": GIT,
        "packages": PACKAGES,
        "hardware": HARDWARE,
        "code": "c" * 16,
        "computation": computation(),
        "wall_seconds": 40.25,
        "started": "2026-11-21T08:00:00+00:00",
        "weights_sha256": "a" * 64,
        "evaluation_sha256": {"features": "b" * 64},
        "command": "python -m harness.run --table mpn_ablation",
    }
    return {**whole, **changed}


def run_configuration() -> RunConfiguration:
    """All that can change the weights of a run."""
    return {
        "method": "mpn",
        "switches": {"k": 6},
        "recipe": {"backbone": "resnet50", "height": 384, "width": 128},
        "initial_weights": {"kind": "scratch", "content": ""},
        "dataset": "synthetic",
        "passport": "f" * 64,
        "rows": "r" * 16,
        "priors": "",
        "seed": 0,
        "precision": "float32",
        "processes": 1,
        "sync_batch_norm": False,
        "compiled": False,
        "code": {"MPN": "c" * 16},
    }


def manifest(run: str = "0123456789abcdef", configuration: RunConfiguration | None = None) -> Manifest:
    """``run.json`` of a finished training."""
    return {
        "id": run,
        "configuration": configuration or run_configuration(),
        "parent": None,
        "initialisation": SCRATCH,
        "priors": None,
        "num_classes": 100,
        "log": LOG,
        "seconds": 30.0,
        "peak_memory_mb": 812.0,
        "started": "2026-11-21T08:00:00+00:00",
        "hardware": HARDWARE,
        "weights_sha256": "a" * 64,
    }


def evaluation() -> Evaluation:
    """``evaluation.json`` of a finished evaluation."""
    configuration: EvaluationConfiguration = {
        "run": "0123456789abcdef",
        "dataset": "synthetic",
        "passport": "f" * 64,
        "rows": "r" * 16,
        "protocol": "market1501",
        "embedding": "h",
        "reranked": False,
        "flip_test": True,
        "priors": [],
        "code": {"evaluate": "c" * 16},
    }
    return {
        "id": "e" * 16,
        "configuration": configuration,
        "metrics": METRICS,
        "metrics_without_flip": METRICS,
        "intervals": {"map": interval(METRICS["map"])},
        "cmc": [min(100.0, METRICS["rank1"] + rank) for rank in range(50)],
        "cost": cost(),
        "seconds": 3.5,
        "sha256": {"features": "b" * 64},
    }


def measured_table(table: str, rows: Sequence[str], params_m: float = 26.66) -> MeasuredTable:
    """What was measured for a table of complexity: 800 ms in training and 250 ms in testing, for every row."""
    return {
        "table": table,
        "rows": {
            row: {
                "training": {"params_m": params_m, "time_ms": 800.0},
                "testing": {"params_m": params_m, "time_ms": 250.0},
            }
            for row in rows
        },
        "batch": 8,
        "size": [384, 128],
        "precision": "float32",
        "hardware": HARDWARE,
        "packages": PACKAGES,
        "git": GIT,
    }


def queried_table(table: str, rows: dict[str, dict[str, CostOfRow]], gallery: dict[str, int]) -> MeasuredTable:
    """What was measured for a table of query times, by row and dataset, with the size of each dataset's gallery."""
    return {
        "table": table,
        "rows": rows,
        "gallery": gallery,
        "precision": "float32",
        "hardware": HARDWARE,
        "packages": PACKAGES,
        "git": GIT,
    }
