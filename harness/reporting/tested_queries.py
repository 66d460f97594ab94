"""One training's result query by query: average precision, nearest images, and the first true match."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from harness.errors import BadInput
from harness.evaluation.metrics import Scores
from harness.evaluation.protocols import PROTOCOLS, RowLists, relevance
from harness.evaluation.ranking import TOP_ROWS
from harness.evaluation.trials import trial_galleries
from harness.results.record import DoneRecord
from harness.results.stored import StoredArrays

LABELS = ("query_ids", "query_cams", "query_names", "gallery_ids", "gallery_cams", "gallery_names")


@dataclass(frozen=True, eq=False)
class TestedQueries:
    """The queries of one record.

    ``average_precision`` (Q,) is NaN without a match. ``top`` (Q, 10) holds gallery rows, -1 beyond the last;
    ``first_rank`` (Q,) the rank of the first true match, 0 without; ``first_row`` its gallery row where it lies beyond
    ``top`` and is known, else -1. With several trials, the last three are of the first.
    """

    __test__ = False

    labels: dict[str, NDArray[np.generic]]
    features: NDArray[np.float32]
    matches: RowLists
    average_precision: NDArray[np.float64]
    top: NDArray[np.int32]
    first_rank: NDArray[np.int32]
    first_row: NDArray[np.int64]
    trials: int

    @property
    def names(self) -> tuple[bytes, bytes]:
        """Names of queries and gallery images as bytes: equal for records of the same test set."""
        return self.labels["query_names"].tobytes(), self.labels["gallery_names"].tobytes()


def tested_queries(record: DoneRecord, stored: StoredArrays) -> TestedQueries:
    """Read the queries of a record. Raises BadInput, naming the file and the fix, where its arrays lack something."""
    labels = stored.read(record, "features", (*LABELS, "query", "gallery"))
    query, gallery = (_unit(labels.pop(split), record) for split in ("query", "gallery"))
    path = stored.path(record, "scores")
    if not path.exists():
        raise BadInput(f"{path} was not kept; run the cell again")
    scores = Scores.load(path)
    queries = len(labels["query_ids"])
    if len(scores.valid) != queries or scores.top.max(initial=-1) >= len(labels["gallery_ids"]):
        raise BadInput(f"{path}: its queries are not those of the features; run the cell again")
    rule = PROTOCOLS[record["receipt"]["protocol"]["id"]]
    ids, cameras = labels["gallery_ids"].astype(np.int64), labels["gallery_cams"].astype(np.int64)
    ranked = trial_galleries(rule, ids, cameras)[0]
    own = labels["query_ids"].astype(np.int64), labels["query_cams"].astype(np.int64)
    found = relevance(*own, ids[ranked], cameras[ranked], rule).matches
    matches = RowLists(ranked[found.rows], found.offsets)
    first_rank = _first_ranks(scores, queries)
    known = not record["receipt"]["protocol"]["reranked"]
    beyond = np.flatnonzero(first_rank > TOP_ROWS) if known else np.zeros(0, np.int64)
    first_row = np.full(queries, -1)
    for row in beyond.tolist():
        first_row[row] = _nearest(query[row], gallery, matches[row])
    both = np.concatenate((query, gallery))
    return TestedQueries(
        *(labels, both, matches, scores.average_precision, scores.top, first_rank, first_row, scores.trials)
    )


def _unit(features: NDArray[np.generic], record: DoneRecord) -> NDArray[np.float32]:
    """Features as they are compared: of unit length for the cosine distance."""
    matrix = torch.from_numpy(features.astype(np.float32))
    if record["receipt"]["protocol"]["metric"] == "cosine":
        matrix = torch.nn.functional.normalize(matrix, dim=1)
    return matrix.numpy()


def _first_ranks(scores: Scores, queries: int) -> NDArray[np.int32]:
    """Rank of the first match among images, in the first trial (Q,); 0 without a match."""
    offsets = scores.offsets[: queries + 1]
    matched = np.diff(offsets) > 0
    ranks = np.zeros(queries, np.int32)
    ranks[matched] = scores.match_ranks[offsets[:-1][matched]]
    return ranks


def _nearest(query: NDArray[np.float32], gallery: NDArray[np.float32], rows: NDArray[np.int64]) -> int:
    distances = ((gallery[rows] - query) ** 2).sum(axis=1)
    return int(rows[int(distances.argmin())])
