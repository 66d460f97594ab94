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

Every V has some hundred entries of N, so only those are kept, and the N x N distances are made block by block.
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
from harness.evaluation.distance import distance_tensors, matched

NEAREST_BLOCK = 512
"""Images whose distances to all N are made at once: 39 MB at Market-1501's size, 192 MB at MSMT17's."""

SET_BLOCK = 1024
"""Images whose neighbour sets are compared at once, about (k1 + 1)^3 / 2 comparisons each."""

PAIR_NUMBERS = 2**20
"""Numbers in the features of the pairs of images whose distance is made at once: 4 MB, about what a cache holds."""

ROUNDING = 8
"""A float32 product of D-vectors p and g errs by less than ROUNDING * sqrt(D) * 2^-24 * |p| |g| but for a chance below
1e-13 (Higham and Mary, "A New Approach to Probabilistic Rounding Error Analysis", SIAM J. Sci. Comput. 2019)."""

JACCARD_BLOCK = 64
"""Queries whose Jaccard distances are summed at once."""


def rerank(
    query_features: Any, gallery_features: Any, k1: int = 20, k2: int = 6, lambda_value: float = 0.3
) -> NDArray[np.float32]:
    """Re-ranked distances (Q, G) of query (Q, D) and gallery (G, D) features, NumPy arrays or tensors on any device.

    Features are compared by Euclidean distance as they are; normalise them first for cosine. Where rounding could swap
    neighbours, they are chosen by float64 distances among the 2 (k1 + 1) nearest in float32; images at equal distance
    in the order query, gallery.
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
    features -= features.mean(dim=0)  # changes no distance, and spares float32 the cancellation of a common mean
    near = _neighbourhood(features, queries, (k2, round(k1 / 2) + 1, k1 + 1))
    encoding = _encoded(features, near, k1 + 1, round(k1 / 2) + 1)
    if k2 > 1:
        encoding = encoding.averaged_over(near.rows[:, :k2])
    distances = near.query_to_gallery.mul_(lambda_value)
    for start, overlap in encoding.overlaps(queries):
        distances[start : start + len(overlap)] += (1 - lambda_value) * (1 - overlap / (2 - overlap))
    return distances.cpu().numpy()


@dataclass(frozen=True, eq=False)
class _Neighbourhood:
    """Of each image (N): the ``rows`` (N, K) of its nearest, itself first, and the squared distance of its ``farthest``
    (N,). ``query_to_gallery`` (Q, G) are the squared distances of queries divided by their farthest."""

    rows: Tensor
    farthest: Tensor
    query_to_gallery: Tensor


def _neighbourhood(features: Tensor, queries: int, sizes: tuple[int, ...]) -> _Neighbourhood:
    """The neighbours, such that the first of them, as many as each of ``sizes`` says, are the nearest so many."""
    images = len(features)
    count, candidates = min(max(sizes), images), min(2 * max(sizes), images)
    squares = features.square().sum(dim=1)
    error = ROUNDING * features.shape[1] ** 0.5 * 2**-24 * squares.sqrt() * squares.max().sqrt()
    rows = torch.empty((images, count), dtype=torch.int64, device=features.device)
    farthest = torch.empty(images, device=features.device)
    query_to_gallery = torch.empty((queries, images - queries), device=features.device)
    start = 0
    for halves in distance_tensors(features, features, "euclidean", NEAREST_BLOCK):
        here = slice(start, start + len(halves))
        start = here.stop
        nearest = torch.topk(halves, candidates, largest=False)
        edges = [size for size in sizes if size < candidates]
        gaps = nearest.values[:, edges] - nearest.values[:, [edge - 1 for edge in edges]]
        unsure = torch.nonzero((gaps <= 2 * error[here, None]).any(dim=1)).flatten()
        nearest.indices[unsure] = _nearest_in_double(features, here.start + unsure, nearest.indices[unsure])
        rows[here] = nearest.indices[:, :count]
        lengths = squares[here, None]
        farthest[here] = (2 * halves.amax(dim=1) + lengths[:, 0]).clamp_min_(0)
        ours = halves[: max(0, queries - here.start), queries:]
        share = 1 / _positive(farthest[here][: len(ours), None])
        query_to_gallery[here.start : here.start + len(ours)] = (2 * ours + lengths[: len(ours)]).clamp_min_(0) * share
    return _Neighbourhood(rows, farthest, query_to_gallery)


def _nearest_in_double(features: Tensor, images: Tensor, candidates: Tensor) -> Tensor:
    """The candidates (n, C) of each of the ``images`` (n,), ordered by float64 distance, then by row: one pair of
    neighbours swapped by rounding would move re-ranked distances by far more than rounding."""
    candidates = candidates.sort(dim=1).values
    at_once = max(1, PAIR_NUMBERS // (features.shape[1] * candidates.shape[1]))
    ordered = []
    for own, others in zip(images.split(at_once), candidates.split(at_once), strict=True):
        apart = features[others].double().sub_(features[own].double()[:, None])
        order = torch.sort(apart.square_().sum(dim=2), dim=1, stable=True).indices
        ordered.append(others.gather(1, order))
    return torch.cat(ordered)


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

    def overlaps(self, queries: int) -> Iterator[tuple[int, Tensor]]:
        """Of one block of queries after another, the first, and (b, G) the sums over i of min(V(p, i), V(g, i))."""
        count = len(self.offsets) - 1
        gallery = count - queries
        first = int(self.offsets[queries])
        by_image = torch.argsort(self.images[first:], stable=True)
        owners = torch.repeat_interleave(torch.arange(gallery, device=by_image.device), self.sizes[queries:])[by_image]
        weights = self.weights[first:][by_image]
        holders = torch.bincount(self.images[first:], minlength=count)
        starts = _offsets(holders)
        for start in range(0, queries, JACCARD_BLOCK):
            stop = min(start + JACCARD_BLOCK, queries)
            ours = slice(int(self.offsets[start]), int(self.offsets[stop]))
            query = torch.repeat_interleave(torch.arange(stop - start, device=owners.device), self.sizes[start:stop])
            of_entry, theirs = _runs(starts, holders, self.images[ours])
            shared = torch.minimum(self.weights[ours][of_entry], weights[theirs])
            sums = torch.zeros((stop - start) * gallery, device=owners.device)
            sums.index_add_(0, query[of_entry] * gallery + owners[theirs], shared)
            yield start, sums.view(stop - start, gallery)


def _encoded(features: Tensor, near: _Neighbourhood, size: int, half: int) -> _Encoding:
    """V of every image, from its ``size`` = k1 + 1 nearest and the ``half`` nearest of those."""
    count = len(features)
    owners, images = _expanded(near.rows[:, :size], near.rows[:, :half])
    at_once = max(1, PAIR_NUMBERS // features.shape[1])
    apart = torch.cat(
        [
            (features[own] - features[other]).square_().sum(dim=1)
            for own, other in zip(owners.split(at_once), images.split(at_once), strict=True)
        ]
    )
    weights = torch.exp(-apart / _positive(near.farthest)[owners])
    totals = torch.zeros(count, device=weights.device).index_add_(0, owners, weights)
    return _Encoding.of(owners, images, weights / totals[owners], count)


def _expanded(nearest: Tensor, half_nearest: Tensor) -> tuple[Tensor, Tensor]:
    """All pairs (p, g) with g in R*(p, k1), ordered by p, then g."""
    count = len(nearest)
    reciprocal = torch.where(_is_reciprocal(nearest), nearest, -1)
    half_reciprocal = torch.where(_is_reciprocal(half_nearest), half_nearest, -1)
    keys = []
    for start, members in zip(range(0, count, SET_BLOCK), reciprocal.split(SET_BLOCK), strict=True):
        added = half_reciprocal[members]  # (b, k1 + 1, k1 / 2 + 1); of a -1, that of the last image: masked below
        real = added >= 0
        shared = ((added[..., None] == members[:, None, None, :]).any(dim=3) & real).sum(dim=2)
        taken = (members >= 0) & (3 * shared > 2 * real.sum(dim=2))
        first = torch.arange(start, start + len(members), device=members.device)[:, None] * count
        keys.append(
            torch.unique(
                torch.cat(
                    [(first + members)[members >= 0], (first[..., None] + added)[real & taken[..., None]]],
                )
            )
        )
    pairs = torch.cat(keys)
    return pairs // count, pairs % count


def _is_reciprocal(nearest: Tensor) -> Tensor:
    """Which of the nearest of each image (N, k) have it among their own nearest (N, k)."""
    own = torch.arange(len(nearest), device=nearest.device)
    blocks = zip(own.split(SET_BLOCK), nearest.split(SET_BLOCK), strict=True)
    return torch.cat([(nearest[rows] == images[:, None, None]).any(dim=2) for images, rows in blocks])


def _offsets(sizes: Tensor) -> Tensor:
    return torch.nn.functional.pad(sizes.cumsum(0), (1, 0))


def _runs(offsets: Tensor, sizes: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """The runs of entries ``wanted``, one after another: which of ``wanted`` each entry belongs to, and its place."""
    lengths = sizes[wanted]
    of_wanted = torch.repeat_interleave(torch.arange(len(wanted), device=wanted.device), lengths)
    begins = offsets[wanted] - (lengths.cumsum(0) - lengths)
    return of_wanted, begins[of_wanted] + torch.arange(len(of_wanted), device=wanted.device)


def _sparse(rows: Tensor, columns: Tensor, values: Tensor, count: int) -> Tensor:
    return torch.sparse_coo_tensor(torch.stack([rows, columns]), values, (count, count), check_invariants=False)
