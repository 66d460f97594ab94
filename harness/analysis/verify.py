"""``--verify``: score a record again from its stored features, and say what disagrees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from harness.errors import BadInput
from harness.evaluation.metrics import Scores
from harness.evaluation.scoring import Reranking, score
from harness.files.arrays import read_arrays
from harness.files.hashing import file_digest
from harness.results.handed_over import HANDED_OVER
from harness.results.record import DoneRecord, ProtocolOfRecord
from harness.results.store import Store


def disagreements(record: DoneRecord, store: Store) -> Iterator[str]:
    """One sentence per stored thing that disagrees with the record: weights, features, ranks, metrics.

    A record that was handed over without its run may lack what does not go along: weights and pictures.
    """
    receipt = record["receipt"]
    folder = store.path(record["evaluation"])
    files = {folder / f"{name}.npz": digest for name, digest in receipt["evaluation_sha256"].items()}
    needed = {folder / f"{name}.npz" for name in HANDED_OVER}
    for path, digest in {store.weights_path(record["run"]): receipt["weights_sha256"], **files}.items():
        if path in needed or path.exists() or store.manifest_path(record["run"]).exists():
            yield from _digest_differs(path, digest)
    try:
        scores = _scored_again(folder / "features.npz", receipt["protocol"])
        stored = Scores.load(folder / "scores.npz")
    except BadInput as error:
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


def _scored_again(path: Path, protocol: ProtocolOfRecord) -> Scores:
    named = [f"{split}_{what}" for split in ("query", "gallery") for what in ("ids", "cams")]
    stored = read_arrays(path, ["query", "gallery", *named])
    return score(
        stored["query"].astype(np.float32),
        stored["gallery"].astype(np.float32),
        stored["query_ids"],
        stored["gallery_ids"],
        stored["query_cams"],
        stored["gallery_cams"],
        protocol["id"],
        protocol["metric"],
        reranking=Reranking() if protocol["reranked"] else None,
    )
