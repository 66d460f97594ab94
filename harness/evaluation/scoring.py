"""From features and labels to scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.errors import BadInput
from harness.evaluation.distance import BLOCK_QUERIES, Metric, checked_features, distance_blocks
from harness.evaluation.metrics import Scores
from harness.evaluation.protocols import Protocol, check_queries, protocol_named, relevance
from harness.evaluation.ranking import rank
from harness.evaluation.reranking import rerank
from harness.evaluation.trials import score_trials


@dataclass(frozen=True)
class Reranking:
    """Parameters of k-reciprocal re-ranking (Zhong et al., CVPR 2017), with the defaults of that paper."""

    k1: int = 20
    k2: int = 6
    lambda_value: float = 0.3

    def __str__(self) -> str:
        return f"re-ranking ({self.k1}, {self.k2}, {self.lambda_value:g})"


def score(
    query_features: Any,
    gallery_features: Any,
    query_ids: Any,
    gallery_ids: Any,
    query_cams: Any,
    gallery_cams: Any,
    protocol: str | Protocol = "market1501",
    metric: Metric = "cosine",
    block: int = BLOCK_QUERIES,
    reranking: Reranking | None = None,
) -> Scores:
    """Exact scores of query features against gallery features.

    Distances are float32. At equal distance the earlier gallery image ranks first. If the protocol has several trials,
    the scores are means over the trials (``harness.evaluation.trials``).

    Args:
        query_features: Query features (Q, D), a NumPy array or a tensor on any device.
        gallery_features: Gallery features (G, D), likewise. Distances are computed on their device.
        query_ids: Identities of the queries (Q,), whole numbers.
        gallery_ids: Identities of the gallery images (G,), whole numbers.
        query_cams: Cameras of the queries (Q,), whole numbers; None if the protocol reads no cameras.
        gallery_cams: Cameras of the gallery images (G,), likewise.
        protocol: The protocol or its id.
        metric: ``cosine`` or ``euclidean``.
        block: Queries per block of distances; the result does not depend on it.
        reranking: Re-rank the whole gallery before the protocol leaves images out. For ``cosine`` the features are
            first normalised to unit length.

    Returns:
        Metrics, and ranks and average precision per query.

    Raises:
        BadInput: The protocol or metric is unknown, features hold NaN or infinity, dimensions or lengths disagree, no
            query has a match, or ``reranking`` is set for a protocol that draws galleries or counts identities.

    Examples:
        >>> from harness.evaluation import score
        >>> query, gallery = [[1.0, 0.0], [0.0, 1.0]], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.8], [1.0, 0.0]]
        >>> scores = score(query, gallery, [1, 2], [1, 2, 1, 3], [1, 1], [2, 2, 2, 2])
        >>> scores.average_precision.round(4).tolist()
        [0.5833, 1.0]
        >>> scores.match_ranks.tolist()  # 2 and 3 for the first query, 1 for the second
        [2, 3, 1]
    """
    rule = protocol_named(protocol)
    queries, gallery = len(query_features), len(gallery_features)
    labels = (
        _labels(query_ids, "query_ids", queries, "query features"),
        _cameras(query_cams, "query_cams", queries, "query features", rule),
        _labels(gallery_ids, "gallery_ids", gallery, "gallery features"),
        _cameras(gallery_cams, "gallery_cams", gallery, "gallery features", rule),
    )
    check_queries([f"query {row}" for row in range(queries)], *labels, rule)
    if (rule.draw is not None or rule.identity_cmc) and reranking:
        raise BadInput(f"protocol {rule.id!r} draws galleries or counts identities; it is not scored with re-ranking")
    if rule.draw is not None or rule.identity_cmc:
        return score_trials(query_features, gallery_features, *labels, rule, metric)
    found = relevance(*labels, rule)
    if reranking:
        return Scores.of(rank([_reranked(query_features, gallery_features, metric, reranking)], found))
    return Scores.of(rank(distance_blocks(query_features, gallery_features, metric, block), found))


def _reranked(query: Any, gallery: Any, metric: Metric, reranking: Reranking) -> NDArray[np.float32]:
    """Re-ranked distances (Q, G): of unit-length features for cosine, of unchanged features for Euclidean distance."""
    ours, theirs = checked_features(query, gallery)
    if metric == "cosine":
        ours, theirs = (torch.nn.functional.normalize(features, dim=1) for features in (ours, theirs))
    return rerank(ours, theirs, reranking.k1, reranking.k2, reranking.lambda_value)


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
    """The metrics of query features against gallery features.

    Args:
        query_features: Query features (Q, D), a NumPy array or a tensor on any device.
        gallery_features: Gallery features (G, D), likewise.
        query_ids: Identities of the queries (Q,), whole numbers.
        gallery_ids: Identities of the gallery images (G,), whole numbers.
        query_cams: Cameras of the queries (Q,), whole numbers; None if the protocol reads no cameras.
        gallery_cams: Cameras of the gallery images (G,), likewise.
        protocol: The protocol or its id.
        metric: ``cosine`` or ``euclidean``.

    Returns:
        ``map`` (step form), ``rank1``, ``rank3``, ``rank5``, ``rank10``, ``rank20``, ``minp`` and ``map_trapezoid`` in
        percent, and the counts ``queries`` and ``queries_without_match``.

    Raises:
        BadInput: As for ``score``.

    Examples:
        >>> from harness.evaluation import evaluate
        >>> query, gallery = [[1.0, 0.0], [0.0, 1.0]], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.8], [1.0, 0.0]]
        >>> metrics = evaluate(query, gallery, [1, 2], [1, 2, 1, 3], [1, 1], [2, 2, 2, 2])
        >>> print(f"mAP {metrics['map']:.1f}, Rank-1 {metrics['rank1']:.1f}")
        mAP 79.2, Rank-1 50.0
    """
    return score(
        query_features, gallery_features, query_ids, gallery_ids, query_cams, gallery_cams, protocol, metric
    ).metrics


def _cameras(values: Any, name: str, rows: int, features: str, rule: Protocol) -> NDArray[np.int64]:
    """Camera numbers, or 0 for every image if there are none and the protocol reads none."""
    if values is None and not rule.reads_cameras:
        return np.zeros(rows, np.int64)
    if values is None:
        raise BadInput(
            f"{name} is missing, but protocol {rule.id!r} compares cameras; give every image its camera, from 1, or "
            "score with the protocol 'without_cameras'"
        )
    return _labels(values, name, rows, features)


def _labels(values: Any, name: str, rows: int, features: str) -> NDArray[np.int64]:
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise BadInput(f"{name} must be a list of whole numbers, not {array.dtype} of shape {array.shape}")
    if len(array) != rows:
        raise BadInput(f"{name} holds {len(array)} labels for {rows} {features}; give one per image")
    return array.astype(np.int64)
