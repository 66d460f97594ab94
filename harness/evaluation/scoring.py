"""From features and labels to scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.errors import BadInput
from harness.evaluation.distance import QUERY_BLOCK, Metric, distance_blocks, matched
from harness.evaluation.metrics import Scores
from harness.evaluation.protocols import Protocol, check_queries, protocol_named, relevance
from harness.evaluation.ranking import rank
from harness.evaluation.reranking import rerank
from harness.evaluation.trials import score_trials


@dataclass(frozen=True)
class Reranking:
    """Parameters of k-reciprocal re-ranking (Zhong et al., CVPR 2017); the defaults are that paper's."""

    k1: int = 20
    k2: int = 6
    share: float = 0.3

    def __str__(self) -> str:
        return f"re-ranking ({self.k1}, {self.k2}, {self.share:g})"


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
    reranking: Reranking | None = None,
) -> Scores:
    """Exact scores of query features (Q, D) against gallery features (G, D), NumPy arrays or tensors on any device.

    ``*_ids`` and ``*_cams`` are whole numbers, one an image; the cameras may be None where the protocol reads none.
    Where it has several trials, the scores are means over them (``harness.evaluation.trials``). Distances are float32,
    made on the gallery's device for ``block`` queries at a time; the result does not depend on ``block``. Of two
    gallery images at equal distance the one that stands first in the gallery ranks first. With ``reranking`` all of the
    gallery is re-ranked before the rule leaves images out; for ``cosine`` the features are brought to unit length.

    Raises BadInput for an unknown protocol or metric, features that hold NaN or infinity, dimensions or lengths that
    disagree, when no query has a match, and for ``reranking`` where the protocol draws galleries or counts identities.
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
    """Re-ranked distances (Q, G) of the features: of unit length for cosine, as they are for Euclidean distance."""
    ours, theirs = matched(query, gallery)
    if metric == "cosine":
        ours, theirs = (torch.nn.functional.normalize(features, dim=1) for features in (ours, theirs))
    return rerank(ours, theirs, reranking.k1, reranking.k2, reranking.share)


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
    """The metrics of ``score``: ``map`` (step form), ``rank1``, ``rank3``, ``rank5``, ``rank10``, ``rank20``, ``minp``
    and ``map_trapezoid`` in percent, ``queries``, ``queries_without_match``. Arguments and errors as of ``score``."""
    return score(
        query_features, gallery_features, query_ids, gallery_ids, query_cams, gallery_cams, protocol, metric
    ).metrics


def _cameras(values: Any, name: str, rows: int, features: str, rule: Protocol) -> NDArray[np.int64]:
    """Camera numbers, or 0 for every image where there are none and the protocol reads none."""
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
        raise BadInput(f"{name} holds {len(array)} labels for {rows} {features}; give one an image")
    return array.astype(np.int64)
