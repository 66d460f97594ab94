"""k-reciprocal re-ranking (Zhong et al., "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017).

Query and gallery are ranked together as N = Q + G images; each image is its own nearest. ``d(p, g)`` is the squared
Euclidean distance of two images, divided by the largest distance of p (the authors' code divides columns by their
maximum, then transposes). ``N(p, k)`` holds the k + 1 nearest images of p, itself included.

1. ``R(p, k)``: the images in N(p, k) that have p among their own k + 1 nearest (Eq. 3).
2. ``R*(p, k1)``: R(p, k1) and, for each c in it, all of R(c, k1 / 2) if more than two thirds of R(c, k1 / 2) are in
   R(p, k1) (Eq. 4; k1 / 2 is rounded half to even, like NumPy's ``around`` in the authors' code).
3. ``V(p, g)``: exp(-d(p, g)) for g in R*(p, k1), else 0 (Eq. 7), divided by the sum over g.
4. Local query expansion: V(p) becomes the mean of V over the k2 nearest of p, itself included (Eq. 11).
5. Jaccard distance: 1 - m / (2 - m) with m the sum over i of min(V(p, i), V(g, i)) (Eq. 10; each V sums to 1).
6. ``(1 - lambda) * Jaccard + lambda * d`` (Eq. 12).

Each V has a few hundred entries out of N; only these are kept. The N x N distances are computed block by block (module
``neighbours``).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.errors import BadInput
from harness.evaluation.distance import checked_features
from harness.evaluation.neighbours import BLOCK_VALUES, neighbourhood

JACCARD_BLOCK_QUERIES = 64
"""Queries whose Jaccard distances are summed at once."""

BLOCK_PAIRS = 2**14
"""Pairs of neighbours whose neighbour sets are compared at once, with (k1 + 1)^2 / 2 comparisons per pair."""

FIXED_POINT_ONE = 2**30
"""1 in fixed point. Overlaps, at most 1, are summed as whole numbers, whose sum does not depend on the order."""


def rerank(
    query_features: Any, gallery_features: Any, k1: int = 20, k2: int = 6, lambda_value: float = 0.3
) -> NDArray[np.float32]:
    """Distances (Q, G), float32, after k-reciprocal re-ranking.

    Features are compared by Euclidean distance as they are; normalise them first for cosine. Neighbours are sorted by
    float64 distance; at equal distance queries come before gallery images, in their given order. Apart from the
    result, memory grows with N, not with N x N.

    Args:
        query_features: Query features (Q, D), a NumPy array or a tensor on any device.
        gallery_features: Gallery features (G, D), likewise.
        k1: Size of the k-reciprocal neighbourhood, 1 or more.
        k2: Size of the local query expansion, 1 or more.
        lambda_value: Weight of the original distance, in 0..1.

    Raises:
        BadInput: A parameter is out of range, features are no matrix or hold NaN or infinity, or their dimensions
            differ.

    Examples:
        >>> from harness.evaluation import rerank
        >>> query = [[1.0, 0.0], [0.0, 1.0]]
        >>> gallery = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.8], [1.0, 0.0]]
        >>> print(rerank(query, gallery, k1=2, k2=1).round(2))
        [[0.01 0.89 0.82 0.  ]
         [0.94 0.05 0.21 1.  ]]
    """
    if k1 < 1 or k2 < 1 or not 0 <= lambda_value <= 1:
        raise BadInput(
            f"re-ranking with k1={k1}, k2={k2}, lambda={lambda_value}: k1 and k2 must be 1 or more, and lambda must be "
            "between 0 and 1"
        )
    queries = len(query_features)
    features = torch.cat(checked_features(query_features, gallery_features))
    half = round(k1 / 2)
    near = neighbourhood(features, queries, (k2, half + 1, k1 + 1))
    farthest = _replace_zeros(near.farthest)
    encoding = _encode(features, near.rows[:, : k1 + 1], near.rows[:, : half + 1], farthest)
    if k2 > 1:
        encoding = encoding.averaged_over(near.rows[:, :k2])
    distances = near.query_to_gallery
    for block, overlap in encoding.overlaps(queries):
        distances[block] *= lambda_value / farthest[:queries][block, None]
        distances[block] += (1 - lambda_value) * (1 - overlap / (2 - overlap))
    return distances.cpu().numpy()


def _replace_zeros(values: Tensor) -> Tensor:
    """Replace 0 by 1: if all images are equal, every distance is 0 and stays 0."""
    return torch.where(values > 0, values, 1)


@dataclass(frozen=True, eq=False)
class _Encoding:
    """The non-zero entries of V, ordered by image.

    The entries V(p, g) of image p are ``weights``, with g in ``images``, from ``offsets[p]`` to ``offsets[p + 1]``.
    """

    offsets: Tensor
    images: Tensor
    weights: Tensor

    @classmethod
    def of(cls, owners: Tensor, images: Tensor, weights: Tensor, count: int) -> _Encoding:
        """Encode entries that are ordered by owner.

        Args:
            owners: The image whose encoding each entry (E,) belongs to.
            images: The image that the entry is about.
            weights: Its weight.
            count: Number of owners.
        """
        return cls(_offsets(torch.bincount(owners, minlength=count)), images, weights)

    @property
    def sizes(self) -> Tensor:
        return self.offsets.diff()

    def averaged_over(self, neighbours: Tensor) -> _Encoding:
        """Replace each V by the mean of V over the ``neighbours`` (N, k) of its image."""
        count, size = neighbours.shape
        owners = torch.arange(count, device=neighbours.device)
        equal = self.weights.new_full((count * size,), 1 / size)
        shares = _sparse_matrix(owners.repeat_interleave(size), neighbours.flatten(), equal, count)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
            entries = _sparse_matrix(owners.repeat_interleave(self.sizes), self.images, self.weights, count)
            mean = torch.sparse.mm(shares, entries).coalesce()
        rows, columns = mean.indices()
        return self.of(rows, columns, mean.values(), count)

    def overlaps(self, queries: int) -> Iterator[tuple[slice, Tensor]]:
        """Yield blocks of b queries with the sums over i of min(V(p, i), V(g, i)) (b, G)."""
        count = len(self.offsets) - 1
        gallery, first = count - queries, int(self.offsets[queries])
        weights = (self.weights * FIXED_POINT_ONE).round_().int()
        by_image = torch.argsort(self.images[first:], stable=True)
        their_weights = weights[first:][by_image]
        owners = torch.arange(gallery, dtype=torch.int32, device=weights.device)
        owners = owners.repeat_interleave(self.sizes[queries:])[by_image]
        holders = torch.bincount(self.images[first:], minlength=count).int()
        starts = _offsets(holders)
        for start in range(0, queries, JACCARD_BLOCK_QUERIES):
            block = slice(start, min(start + JACCARD_BLOCK_QUERIES, queries))
            ours = slice(int(self.offsets[block.start]), int(self.offsets[block.stop]))
            of_entry, theirs = _runs(starts, holders, self.images[ours])
            shared = torch.minimum(weights[ours].index_select(0, of_entry), their_weights.index_select(0, theirs))
            row = torch.arange(0, (block.stop - start) * gallery, gallery, dtype=torch.int32, device=weights.device)
            place = row.repeat_interleave(self.sizes[block]).index_select(0, of_entry)
            place += owners.index_select(0, theirs)
            sums = torch.zeros((block.stop - start, gallery), dtype=torch.int32, device=weights.device)
            sums.view(-1).index_add_(0, place, shared)
            yield block, sums / FIXED_POINT_ONE


def _encode(features: Tensor, nearest: Tensor, half_nearest: Tensor, farthest: Tensor) -> _Encoding:
    """V of every image, from its k1 + 1 nearest, its k1 / 2 + 1 nearest and half its largest squared distance (N,)."""
    count = len(features)
    owners, images = _expanded_sets(nearest, half_nearest)
    at_once = max(1, BLOCK_VALUES // features.shape[1])
    halves = torch.cat(
        [
            (features[own] - features[other]).square_().sum(dim=1) / 2
            for own, other in zip(owners.split(at_once), images.split(at_once), strict=True)
        ]
    )
    weights = torch.exp(-halves / farthest[owners])
    totals = torch.segment_reduce(weights, "sum", lengths=torch.bincount(owners, minlength=count))
    return _Encoding.of(owners, images, weights / totals[owners], count)


def _expanded_sets(nearest: Tensor, half_nearest: Tensor) -> tuple[Tensor, Tensor]:
    """All pairs (p, g) with g in R*(p, k1), ordered by p, then g."""
    count = len(nearest)
    reciprocal = torch.where(_is_reciprocal(nearest), nearest, -1)
    owners, ranks = torch.nonzero(reciprocal >= 0, as_tuple=True)
    members = reciprocal[owners, ranks]
    half_reciprocal = torch.where(_is_reciprocal(half_nearest), half_nearest, -1)
    keys = [owners * count + members]
    for images, candidates in zip(owners.split(BLOCK_PAIRS), members.split(BLOCK_PAIRS), strict=True):
        added = half_reciprocal[candidates]
        real = added >= 0
        shared = (added[:, :, None] == reciprocal[images][:, None, :]).any(dim=2) & real
        real &= (3 * shared.sum(dim=1) > 2 * real.sum(dim=1))[:, None]
        keys.append((images[:, None] * count + added)[real])
    pairs = torch.unique(torch.cat(keys))
    return pairs // count, pairs % count


def _is_reciprocal(nearest: Tensor) -> Tensor:
    """Whether each of the ``nearest`` (N, k) of an image has that image among its own nearest, (N, k) bool."""
    own = torch.arange(len(nearest), device=nearest.device)
    at_once = max(1, BLOCK_PAIRS // nearest.shape[1])
    blocks = zip(own.split(at_once), nearest.split(at_once), strict=True)
    return torch.cat([(nearest[rows] == images[:, None, None]).any(dim=2) for images, rows in blocks])


def _offsets(sizes: Tensor) -> Tensor:
    return torch.nn.functional.pad(sizes.cumsum(0, dtype=sizes.dtype), (1, 0))


def _runs(offsets: Tensor, sizes: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """The runs of entries ``wanted``, concatenated: for each entry its index into ``wanted``, and its place."""
    lengths = sizes[wanted]
    of_wanted = torch.repeat_interleave(lengths)
    begins = offsets[wanted] - (lengths.cumsum(0, dtype=lengths.dtype) - lengths)
    places = begins.index_select(0, of_wanted)
    places += torch.arange(len(places), dtype=places.dtype, device=places.device)
    return of_wanted, places


def _sparse_matrix(rows: Tensor, columns: Tensor, values: Tensor, count: int) -> Tensor:
    return torch.sparse_coo_tensor(torch.stack([rows, columns]), values, (count, count), check_invariants=False)
