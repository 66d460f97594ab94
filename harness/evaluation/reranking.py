"""k-reciprocal re-ranking (Zhong et al., "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017).

Query and gallery are ranked together as N = Q + G images, each its own nearest. With ``d(p, g)`` the squared Euclidean
distance of two images, divided by the largest of p (the authors' code divides columns by their maximum, then
transposes), and ``N(p, k)`` the k + 1 nearest of p, itself included:

1. ``R(p, k)``: those of N(p, k) that have p among their own (Eq. 3).
2. ``R*(p, k1)``: R(p, k1) and, for each c in it, all of R(c, k1 / 2) when more than two thirds of that are in R(p, k1)
   (Eq. 4; k1 / 2 is rounded half to even, as NumPy's ``around`` does in the authors' code).
3. ``V(p, g)``: exp(-d(p, g)) for g in R*(p, k1), else 0 (Eq. 7), divided by the sum over g.
4. Local query expansion: V(p) becomes the mean of V over the k2 nearest of p, itself included (Eq. 11).
5. Jaccard distance: 1 - m / (2 - m) with m the sum over i of min(V(p, i), V(g, i)) (Eq. 10; each V sums to 1).
6. ``(1 - lambda) * Jaccard + lambda * d`` (Eq. 12).

Every V has some hundred entries of N, so only those are kept; the N x N distances are made block by block (module
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
from harness.evaluation.distance import matched
from harness.evaluation.neighbours import PAIR_NUMBERS, neighbourhood

JACCARD_BLOCK = 64
"""Queries whose Jaccard distances are summed at once."""

PAIRS_AT_ONCE = 2**14
"""Pairs of neighbours whose neighbour sets are compared at once, (k1 + 1)^2 / 2 comparisons each."""

ONE = 2**30
"""1 in the fixed point in which overlaps, at most 1, are summed: whole numbers have the same sum in any order."""


def rerank(
    query_features: Any, gallery_features: Any, k1: int = 20, k2: int = 6, lambda_value: float = 0.3
) -> NDArray[np.float32]:
    """Re-ranked distances (Q, G) of query (Q, D) and gallery (G, D) features, NumPy arrays or tensors on any device.

    Features are compared by Euclidean distance as they are; normalise them first for cosine. Neighbours are those by
    float64 distance, images at equal distance in the order query, gallery.
    Apart from the result, memory grows with N, not with N x N.

    Raises BadInput for ``k1`` or ``k2`` below 1, ``lambda_value`` outside 0..1, features that are no matrix or hold NaN
    or infinity, or dimensions that differ.
    """
    if k1 < 1 or k2 < 1 or not 0 <= lambda_value <= 1:
        raise BadInput(
            f"re-ranking with k1={k1}, k2={k2}, lambda={lambda_value}: k1 and k2 count images, from 1 on, and lambda "
            "is a share between 0 and 1"
        )
    queries = len(query_features)
    features = torch.cat(matched(query_features, gallery_features))
    half = round(k1 / 2)
    near = neighbourhood(features, queries, (k2, half + 1, k1 + 1))
    farthest = _positive(near.farthest)
    encoding = _encoded(features, near.rows[:, : k1 + 1], near.rows[:, : half + 1], farthest)
    if k2 > 1:
        encoding = encoding.averaged_over(near.rows[:, :k2])
    distances = near.query_to_gallery
    for block, overlap in encoding.overlaps(queries):
        distances[block] *= lambda_value / farthest[:queries][block, None]
        distances[block] += (1 - lambda_value) * (1 - overlap / (2 - overlap))
    return distances.cpu().numpy()


def _positive(values: Tensor) -> Tensor:
    """The values, and 1 for 0: where all images are alike, every distance is 0 and stays so."""
    return torch.where(values > 0, values, 1)


@dataclass(frozen=True, eq=False)
class _Encoding:
    """V as its entries that are not 0, ordered by image: those of image p are ``images`` (their g) and ``weights``
    from ``offsets[p]`` to ``offsets[p + 1]``."""

    offsets: Tensor
    images: Tensor
    weights: Tensor

    @classmethod
    def of(cls, owners: Tensor, images: Tensor, weights: Tensor, count: int) -> _Encoding:
        """From entries ordered by owner, of which there are ``count``."""
        return cls(_offsets(torch.bincount(owners, minlength=count)), images, weights)

    @property
    def sizes(self) -> Tensor:
        return self.offsets.diff()

    def averaged_over(self, neighbours: Tensor) -> _Encoding:
        """The mean of V over the ``neighbours`` (N, k) of each image."""
        count, size = neighbours.shape
        owners = torch.arange(count, device=neighbours.device)
        equal = self.weights.new_full((count * size,), 1 / size)
        shares = _sparse(owners.repeat_interleave(size), neighbours.flatten(), equal, count)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
            entries = _sparse(owners.repeat_interleave(self.sizes), self.images, self.weights, count)
            mean = torch.sparse.mm(shares, entries).coalesce()
        rows, columns = mean.indices()
        return self.of(rows, columns, mean.values(), count)

    def overlaps(self, queries: int) -> Iterator[tuple[slice, Tensor]]:
        """Of one block (b) of queries after another, the sums over i of min(V(p, i), V(g, i)) (b, G)."""
        count = len(self.offsets) - 1
        gallery, first = count - queries, int(self.offsets[queries])
        weights = (self.weights * ONE).round_().int()
        by_image = torch.argsort(self.images[first:], stable=True)
        their_weights = weights[first:][by_image]
        owners = torch.arange(gallery, dtype=torch.int32, device=weights.device)
        owners = owners.repeat_interleave(self.sizes[queries:])[by_image]
        holders = torch.bincount(self.images[first:], minlength=count).int()
        starts = _offsets(holders)
        for start in range(0, queries, JACCARD_BLOCK):
            block = slice(start, min(start + JACCARD_BLOCK, queries))
            ours = slice(int(self.offsets[block.start]), int(self.offsets[block.stop]))
            of_entry, theirs = _runs(starts, holders, self.images[ours])
            shared = torch.minimum(weights[ours].index_select(0, of_entry), their_weights.index_select(0, theirs))
            row = torch.arange(0, (block.stop - start) * gallery, gallery, dtype=torch.int32, device=weights.device)
            place = row.repeat_interleave(self.sizes[block]).index_select(0, of_entry)
            place += owners.index_select(0, theirs)
            sums = torch.zeros((block.stop - start, gallery), dtype=torch.int32, device=weights.device)
            sums.view(-1).index_add_(0, place, shared)
            yield block, sums / ONE


def _encoded(features: Tensor, nearest: Tensor, half_nearest: Tensor, farthest: Tensor) -> _Encoding:
    """V of every image, from its k1 + 1 nearest, its k1 / 2 + 1 nearest and half the squared distance of the farthest
    (N,)."""
    count = len(features)
    owners, images = _expanded(nearest, half_nearest)
    at_once = max(1, PAIR_NUMBERS // features.shape[1])
    halves = torch.cat(
        [
            (features[own] - features[other]).square_().sum(dim=1) / 2
            for own, other in zip(owners.split(at_once), images.split(at_once), strict=True)
        ]
    )
    weights = torch.exp(-halves / farthest[owners])
    totals = torch.segment_reduce(weights, "sum", lengths=torch.bincount(owners, minlength=count))
    return _Encoding.of(owners, images, weights / totals[owners], count)


def _expanded(nearest: Tensor, half_nearest: Tensor) -> tuple[Tensor, Tensor]:
    """All pairs (p, g) with g in R*(p, k1), ordered by p, then g."""
    count = len(nearest)
    reciprocal = torch.where(_is_reciprocal(nearest), nearest, -1)
    owners, ranks = torch.nonzero(reciprocal >= 0, as_tuple=True)
    members = reciprocal[owners, ranks]
    half_reciprocal = torch.where(_is_reciprocal(half_nearest), half_nearest, -1)
    keys = [owners * count + members]
    for images, candidates in zip(owners.split(PAIRS_AT_ONCE), members.split(PAIRS_AT_ONCE), strict=True):
        added = half_reciprocal[candidates]
        real = added >= 0
        shared = (added[:, :, None] == reciprocal[images][:, None, :]).any(dim=2) & real
        real &= (3 * shared.sum(dim=1) > 2 * real.sum(dim=1))[:, None]
        keys.append((images[:, None] * count + added)[real])
    pairs = torch.unique(torch.cat(keys))
    return pairs // count, pairs % count


def _is_reciprocal(nearest: Tensor) -> Tensor:
    """Which of the nearest of each image (N, k) have it among their own nearest (N, k)."""
    own = torch.arange(len(nearest), device=nearest.device)
    at_once = max(1, PAIRS_AT_ONCE // nearest.shape[1])
    blocks = zip(own.split(at_once), nearest.split(at_once), strict=True)
    return torch.cat([(nearest[rows] == images[:, None, None]).any(dim=2) for images, rows in blocks])


def _offsets(sizes: Tensor) -> Tensor:
    return torch.nn.functional.pad(sizes.cumsum(0, dtype=sizes.dtype), (1, 0))


def _runs(offsets: Tensor, sizes: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """The runs of entries ``wanted``, one after another: which of ``wanted`` each entry belongs to, and its place."""
    lengths = sizes[wanted]
    of_wanted = torch.repeat_interleave(lengths)
    begins = offsets[wanted] - (lengths.cumsum(0, dtype=lengths.dtype) - lengths)
    places = begins.index_select(0, of_wanted)
    places += torch.arange(len(places), dtype=places.dtype, device=places.device)
    return of_wanted, places


def _sparse(rows: Tensor, columns: Tensor, values: Tensor, count: int) -> Tensor:
    return torch.sparse_coo_tensor(torch.stack([rows, columns]), values, (count, count), check_invariants=False)
