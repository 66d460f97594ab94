"""Multiple query: each query becomes the mean over all images of its person in its camera (Zheng et al., ICCV 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from harness.errors import BadInput
from harness.evaluation.distance import feature_matrix


def pool_queries(query_features: Any, extra_features: Any, members: Sequence[Sequence[int]]) -> Tensor:
    """Pooled features (Q, D) float32: row q is the mean of ``extra_features`` (E, D) over the rows ``members[q]``.

    Features are raw, as returned by ``ReIDModel.embed``. A query without members keeps its own row of
    ``query_features`` (Q, D). Market-1501's ``gt_bbox`` holds the query image too, so it is not added again.

    Raises BadInput unless there is one list of members per query, with rows of ``extra_features`` only.
    """
    extra = feature_matrix(extra_features, "extra query features")
    pooled = feature_matrix(query_features, "query features").to(extra.device, copy=True)
    if len(members) != len(pooled):
        raise BadInput(
            f"multi query: {len(members)} lists of members for {len(pooled)} queries; give one list per query"
        )
    if pooled.shape[1] != extra.shape[1]:
        raise BadInput(f"multi query: query features have {pooled.shape[1]} dimensions, extra ones {extra.shape[1]}")
    for query, rows in enumerate(members):
        if any(row not in range(len(extra)) for row in rows):
            raise BadInput(f"multi query: a member of query {query} is no row of the {len(extra)} extra images")
        if rows:
            pooled[query] = extra[torch.as_tensor(rows, device=extra.device)].mean(dim=0)
    return pooled
