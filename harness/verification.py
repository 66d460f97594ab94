"""``--verify``: score a record again from what is stored, and say what does not agree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import DAMAGED_ARRAYS, BadInput
from harness.evaluation.metrics import Scores
from harness.evaluation.scoring import Reranking, score
from harness.store import Record, Store, file_digest


def disagreements(record: Record, store: Store) -> Iterator[str]:
    """One sentence for each stored thing that is not what the record says: weights, features, ranks, metrics."""
    receipt = record["receipt"]
    folder = store.path(record["evaluation"])
    yield from _digest_differs(store.weights_path(record["run"]), receipt["weights_sha256"])
    for name, digest in receipt["evaluation_sha256"].items():
        yield from _digest_differs(folder / f"{name}.npz", digest)
    try:
        scores = _scored_again(folder / "features.npz", receipt["protocol"])
        stored = Scores.load(folder / "scores.npz")
    except (*DAMAGED_ARRAYS, BadInput) as error:
        yield f"{folder}: cannot be scored again ({error})"
        return
    if not np.array_equal(scores.match_ranks, stored.match_ranks):
        yield f"{folder / 'scores.npz'}: the stored ranks are not those of the stored features"
    for metric, recorded in record["metrics"].items():
        if scores.metrics.get(metric) != recorded:
            yield f"{record['cell']}: {metric} is recorded as {recorded}, scored again {scores.metrics.get(metric)}"


def _digest_differs(path: Path, digest: str) -> Iterator[str]:
    if not path.exists():
        yield f"{path}: is gone"
    elif file_digest(path) != digest:
        yield f"{path}: changed since the record was written"


def _scored_again(path: Path, protocol: dict[str, Any]) -> Scores:
    with np.load(path) as stored:
        query, gallery = (stored[name].astype(np.float32) for name in ("query", "gallery"))
        labels = {
            f"{split}_{what}": stored[f"{split}_{what}"] for split in ("query", "gallery") for what in ("ids", "cams")
        }
    reranking = Reranking() if protocol.get("reranked") else None
    return score(query, gallery, **labels, protocol=protocol["id"], metric=protocol["metric"], reranking=reranking)
