"""From features to distances, one block of queries at a time: memory never holds the whole (Q, G) matrix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.errors import BadInput, unknown_name_error

Metric = Literal["cosine", "euclidean"]

BLOCK_QUERIES = 1024
"""At MSMT17's 82,161 gallery images a block of distances takes 337 MB. Each product rearranges the whole gallery; with
blocks of 256 queries that would take a fifth of the time."""

ROW_MULTIPLE = 64
"""Matrix products are padded with zero rows to this multiple. For few rows BLAS libraries use kernels that round
differently: without padding, a query's distances would depend on the number of queries in its block."""


def feature_matrix(features: Any, name: str) -> Tensor:
    """Convert ``features`` (N, D), a NumPy array or tensor of any numeric type, to a detached float32 tensor.

    A tensor stays on its device. Raises BadInput, which calls the features ``name``, unless they are a numeric matrix
    with at least one row and column.
    """
    try:
        if isinstance(features, Tensor):
            matrix = features.detach().to(torch.float32)
        else:
            matrix = torch.from_numpy(np.require(features, np.float32, ["C", "W"]))
    except (TypeError, ValueError) as error:
        raise BadInput(f"{name} must be a matrix of numbers, one row per image ({error})") from error
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise BadInput(f"{name} must be a matrix, one row per image, but their shape is {tuple(matrix.shape)}")
    return matrix


def checked_features(query_features: Any, gallery_features: Any) -> tuple[Tensor, Tensor]:
    """Check query (Q, D) and gallery (G, D) features; return float32 matrices on the gallery's device.

    Raises BadInput for features that are no matrix or not finite, or when their dimensions differ.
    """
    gallery = feature_matrix(gallery_features, "gallery features")
    query = feature_matrix(query_features, "query features").to(gallery.device)
    if query.shape[1] != gallery.shape[1]:
        raise BadInput(
            f"query features have {query.shape[1]} dimensions and gallery features {gallery.shape[1]}; "
            "both must come from the same model"
        )
    _check_finite(query, "query features")
    _check_finite(gallery, "gallery features")
    return query, gallery


def _check_finite(matrix: Tensor, name: str) -> None:
    """Raise BadInput when the squared norm of a row is not finite; any NaN makes it so."""
    broken = torch.nonzero(~torch.isfinite(_norms(matrix).square())).flatten()
    if len(broken):
        raise BadInput(
            f"{name}: {len(broken)} of {len(matrix)} rows hold NaN, infinite or overflowing values, the first is row "
            f"{int(broken[0])}; extract them again (a diverged training or a half-precision overflow makes such rows)"
        )


def _norms(matrix: Tensor) -> Tensor:
    """Euclidean norm of each row (N,)."""
    return torch.linalg.vector_norm(matrix, dim=1)


@contextmanager
def full_precision(device: str) -> Iterator[None]:
    """Compute products in plain float32: training may have switched on autocast, TF32 or bfloat16 products."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(device, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)


def _padded(rows: Tensor, multiple: int) -> Tensor:
    missing = -len(rows) % multiple
    return torch.nn.functional.pad(rows, (0, 0, 0, missing)) if missing else rows


def distance_blocks(
    query_features: Any, gallery_features: Any, metric: Metric = "cosine", block: int = BLOCK_QUERIES
) -> Iterator[NDArray[np.float32]]:
    """Yield float32 distances (b, G) of successive blocks of b <= ``block`` queries, in the order of the queries.

    The distances of one query rank its gallery as the metric does. Terms that are equal for the whole gallery are left
    out: ``cosine`` is minus the cosine similarity, which is 0 for a zero vector (a norm below 1e-22 counts as zero);
    ``euclidean`` is (|q - g|^2 - |q|^2) / 2. ``block`` changes a distance by rounding only.

    Args:
        query_features: Query features (Q, D).
        gallery_features: Gallery features (G, D). Distances are computed on their device.
        metric: ``cosine`` or ``euclidean``.
        block: Queries per block.

    Raises:
        BadInput: The metric is unknown, features are no matrix or not finite, or their dimensions differ.
    """
    if metric not in get_args(Metric):
        raise unknown_name_error("metric", metric, get_args(Metric))
    query, gallery = checked_features(query_features, gallery_features)
    for distances in distance_tensors(query, gallery, metric, block):
        yield distances.cpu().numpy()


def distance_tensors(query: Tensor, gallery: Tensor, metric: Metric, block: int) -> Iterator[Tensor]:
    """The distances of ``distance_blocks``, as tensors.

    Args:
        query: Query features (Q, D), from ``checked_features``.
        gallery: Gallery features (G, D), likewise.
        metric: ``cosine`` or ``euclidean``.
        block: Queries per block.
    """
    count = len(gallery)
    if count < ROW_MULTIPLE:
        gallery = _padded(gallery, ROW_MULTIPLE)
    if metric == "cosine":
        query, gallery = _unit_rows(query), _unit_rows(gallery)
        constants = gallery.new_zeros(())
    else:
        constants = _norms(gallery).square() / 2
    for start in range(0, len(query), block):
        rows = query[start : start + block]
        with full_precision(query.device.type):
            distances = torch.addmm(
                constants, _padded(rows, ROW_MULTIPLE), gallery.T, beta=float(metric == "euclidean"), alpha=-1
            )
        yield distances[: len(rows), :count]


def _unit_rows(matrix: Tensor) -> Tensor:
    """Divide each row by its norm; zero rows stay as they are."""
    norms = _norms(matrix)
    return matrix * torch.where(norms > 0, 1 / norms, 0)[:, None]
