"""From features and labels to scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from harness.errors import BadInput
from harness.evaluation.distance import QUERY_BLOCK, Metric, distance_blocks
from harness.evaluation.metrics import Scores
from harness.evaluation.protocols import Protocol, check_queries, relevance
from harness.evaluation.ranking import rank


def score(
    query_features: Any,
    gallery_features: Any,
    query_ids: Any,
    gallery_ids: Any,
    query_cams: Any,
    gallery_cams: Any,
    protocol: str | Protocol = "market1501",
    metric: Metric = "cosine",
    block: int = QUERY_BLOCK,
) -> Scores:
    """Exact scores of query features (Q, D) against gallery features (G, D), NumPy arrays or tensors on any device.

    ``*_ids`` and ``*_cams`` are whole numbers, one an image. Distances are float32, made on the gallery's device for
    ``block`` queries at a time; the result does not depend on ``block``. Of two gallery images at equal distance the
    one that stands first in the gallery ranks first.

    Raises BadInput for an unknown protocol or metric, features that hold NaN or infinity, dimensions or lengths that
    disagree, and when no query has a match.
    """
    queries, gallery = len(query_features), len(gallery_features)
    labels = (
        _labels(query_ids, "query_ids", queries, "query features"),
        _labels(query_cams, "query_cams", queries, "query features"),
        _labels(gallery_ids, "gallery_ids", gallery, "gallery features"),
        _labels(gallery_cams, "gallery_cams", gallery, "gallery features"),
    )
    check_queries([f"query {row}" for row in range(queries)], *labels, protocol)
    found = relevance(*labels, protocol)
    return Scores.of(rank(distance_blocks(query_features, gallery_features, metric, block), found))


def evaluate(
    query_features: Any,
    gallery_features: Any,
    query_ids: Any,
    gallery_ids: Any,
    query_cams: Any,
    gallery_cams: Any,
    protocol: str | Protocol = "market1501",
    metric: Metric = "cosine",
) -> dict[str, float]:
    """The metrics of ``score``: ``map`` (step form), ``rank1``, ``rank5``, ``rank10``, ``rank20``, ``minp`` and
    ``map_trapezoid`` in percent, ``queries`` and ``queries_without_match``. Same arguments and errors as ``score``."""
    return score(
        query_features, gallery_features, query_ids, gallery_ids, query_cams, gallery_cams, protocol, metric
    ).metrics


def _labels(values: Any, name: str, rows: int, features: str) -> NDArray[np.int64]:
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise BadInput(f"{name} must be a list of whole numbers, not {array.dtype} of shape {array.shape}")
    if len(array) != rows:
        raise BadInput(f"{name} holds {len(array)} labels for {rows} {features}; give one an image")
    return array.astype(np.int64)
