"""What a record holds."""

from __future__ import annotations

from typing import Any

from harness.files.hashing import canonical_hash

SCHEMA = 1

REQUIRED = (
    *("schema", "cell", "table", "row", "method", "dataset", "profile", "seed", "status", "cause", "run"),
    *("metrics", "published", "verdict", "receipt", "digest"),
)

STATUSES = ("done", "failed")

OF_RUNS = (
    *("id", "configuration", "parent", "initialisation", "priors", "num_classes", "log", "seconds", "peak_memory_mb"),
    *("started", "hardware", "weights_sha256"),
)

OF_EVALUATIONS = (
    *("id", "configuration", "metrics", "metrics_without_flip", "intervals", "cmc", "cost", "seconds", "sha256"),
)

OF_COUNTS = ("dataset", "variant", "counts")

OF_COMPLEXITIES = ("table", "rows", "precision", "hardware")

Record = dict[str, Any]


def record_digest(record: Record) -> str:
    """Hash of everything in a record but the digest itself."""
    return canonical_hash({key: value for key, value in record.items() if key != "digest"}, 64)


def record_label(record: Record) -> str:
    """A record in words: its cell, and which of the cell's it is."""
    return f"{record['cell']} ({record['profile']}, seed {record['seed']})"
