"""The exact nearest neighbours of every image among all N images, without the N x N matrix.

Distances are symmetric, so each pair is multiplied once. Blocks are visited from the last to the first: each block is
compared with itself and with all later images, and is then offered to those images as neighbours. Float32 decides
where its rounding cannot swap two neighbours, float64 decides elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.evaluation.distance import full_precision

BLOCK_IMAGES = 1024
"""Images whose distances are computed at once: 79 MB at Market-1501's size, 384 MB at MSMT17's."""

BLOCK_VALUES = 2**20
"""Feature values of the image pairs whose distances are computed at once: 4 MB, about the size of a cache."""

ROUNDING_FACTOR = 8
"""A float32 product of D-vectors a and b errs by less than ROUNDING_FACTOR * sqrt(D) * 2^-24 * sum(|a_i b_i|), with a
probability of failure below 1e-13 (Higham and Mary, "A New Approach to Probabilistic Rounding Error Analysis", SIAM J.
Sci. Comput. 2019)."""

WIDENING_FACTOR = 8
"""Factor on the number of candidates, for an image whose neighbours are not proven to be among the first candidates."""


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Per image: the ``rows`` (N, K) of its nearest images, and half the squared distance to its ``farthest`` (N,).

    ``query_to_gallery`` (Q, G) holds halved squared distances, too.
    """

    rows: Tensor
    farthest: Tensor
    query_to_gallery: Tensor


def neighbourhood(features: Tensor, queries: int, sizes: Sequence[int]) -> Neighbourhood:
    """The neighbourhood of ``features`` (N, D), float32: the first ``queries`` rows are queries, the rest gallery.

    For each size k in ``sizes``, the first k rows of an image are its k nearest by float64 distance, itself included.
    At equal distance the earlier row wins. K is the largest of ``sizes``, but at most N.
    """
    images = len(features)
    halved = _HalvedDistances(features)
    nearest = _Candidates(images, min(2 * max(sizes), images), features.device)
    farthest = torch.zeros(images, device=features.device)
    query_to_gallery = torch.empty((queries, images - queries), device=features.device)
    memory = torch.empty(min(BLOCK_IMAGES, images) * images, device=features.device)
    for stop in range(images, 0, -BLOCK_IMAGES):  # in this order rows of whole blocks are aligned, a quarter faster
        start = max(0, stop - BLOCK_IMAGES)
        here, behind = slice(start, stop), slice(stop, images)
        halves = halved.of(features[here], start, memory)
        nearest.choose(here, halves)
        farthest[here] = halves.amax(dim=1)
        if stop < images:
            nearest.offer(here, behind, halves[:, stop - start :])
            farthest[behind] = torch.maximum(farthest[behind], halves[:, stop - start :].amax(dim=0))
        if start < queries:
            query_to_gallery[here] = halves[: queries - start, queries - start :]
    rows = _verified_nearest(halved, features, nearest.rows, nearest.halves, sizes)
    return Neighbourhood(rows, farthest.clamp_min_(0), query_to_gallery.clamp_min_(0))


class _HalvedDistances:
    """Half the squared distances to all ``features`` (N, D), as float32 products of vectors with two extra dimensions:
    (p, |p|^2 / 2, 1) times (-g, 1, |g|^2 / 2)."""

    def __init__(self, features: Tensor) -> None:
        self.features = features
        self.mean = features.mean(dim=0)  # subtracting it changes no distance and avoids cancellation in float32
        centred = features - self.mean
        squares = centred.square().sum(dim=1, keepdim=True)
        self.longest = squares.max().sqrt()
        self.factors = torch.cat([-centred, torch.ones_like(squares), squares / 2], dim=1)

    def of(self, own: Tensor, start: int = 0, memory: Tensor | None = None) -> Tensor:
        """From ``own`` (b, D) to all rows from ``start`` on (b, N - start), written to ``memory`` if given."""
        centred = own - self.mean
        squares = centred.square().sum(dim=1, keepdim=True)
        shape = len(own), len(self.factors) - start
        out = None if memory is None else memory[: shape[0] * shape[1]].view(shape)
        with full_precision(own.device.type):
            return torch.mm(
                torch.cat([centred, squares / 2, torch.ones_like(squares)], dim=1), self.factors[start:].T, out=out
            )

    def rounding_margin(self, own: Tensor, halves: Tensor) -> Tensor:
        """Least gap above ``halves`` (b, C), from ``own`` (b, D), at which another image is certainly farther.

        The gap covers the rounding of both. An image at distance d has at most the norm of the longest, and at most
        |p| + d.
        """
        length = torch.linalg.vector_norm(own - self.mean, dim=1)[:, None]
        other = torch.minimum(self.longest, length + (2 * halves.clamp_min(0)).sqrt())
        return ROUNDING_FACTOR * self.factors.shape[1] ** 0.5 * 2**-24 * (length + other).square()


class _Candidates:
    """The ``rows`` (N, C) of the nearest images found so far, per image, nearest first, and their ``halves``."""

    def __init__(self, images: int, count: int, device: torch.device) -> None:
        self.rows = torch.zeros((images, count), dtype=torch.int64, device=device)
        self.halves = torch.full((images, count), torch.inf, device=device)

    def choose(self, here: slice, halves: Tensor) -> None:
        """Set the candidates of the images ``here``, from ``halves`` (b, m) to the last m images."""
        found = torch.topk(halves, min(self.rows.shape[1], halves.shape[1]), largest=False)
        self.rows[here, : found.indices.shape[1]] = found.indices + here.start
        self.halves[here, : found.values.shape[1]] = found.values

    def offer(self, here: slice, behind: slice, halves: Tensor) -> None:
        """Offer the images ``here`` as candidates to the images ``behind``, given ``halves`` (b, m) between them."""
        count = self.rows.shape[1]
        offered, takers = torch.nonzero(halves < self.halves[behind, -1].contiguous(), as_tuple=True)
        values = halves[offered, takers]
        takers, order = takers.sort(stable=True)
        taken = torch.bincount(takers, minlength=halves.shape[1])
        place = count + torch.arange(len(takers), device=takers.device) - (taken.cumsum(0) - taken)[takers]
        more = (0, int(taken.max()))
        all_rows = torch.nn.functional.pad(self.rows[behind], more)
        all_halves = torch.nn.functional.pad(self.halves[behind], more, value=torch.inf)
        all_rows[takers, place] = offered[order] + here.start
        all_halves[takers, place] = values[order]
        found = torch.topk(all_halves, count, largest=False)
        self.rows[behind] = all_rows.gather(1, found.indices)
        self.halves[behind] = found.values


def _verified_nearest(
    halved: _HalvedDistances, own: Tensor, rows: Tensor, halves: Tensor, sizes: Sequence[int]
) -> Tensor:
    """The nearest of images with features ``own`` (n, D), given the ``rows`` (n, C) of the C nearest in float32.

    ``halves`` are their distances. Where rounding could have swapped rows, they are sorted again in float64, or the
    search is repeated with more candidates.
    """
    images, candidates = len(halved.features), rows.shape[1]
    count = min(max(sizes), images)
    apart = halves.diff(dim=1) > halved.rounding_margin(own, halves[:, 1:])
    edges = [size - 1 for size in sizes if size < candidates]
    unsure = torch.nonzero(~apart[:, edges].all(dim=1)).flatten()
    settled = rows[:, :count].clone()
    settled[unsure] = _nearest_in_float64(halved.features, own[unsure], rows[unsure], count)
    if candidates < images:
        within = (
            halves[unsure, -1] - halves[unsure, count - 1]
            > halved.rounding_margin(own[unsure], halves[unsure, -1:])[:, 0]
        )
        unproven = unsure[~within]
        if len(unproven):
            settled[unproven] = _nearest_of_more_candidates(
                halved, own[unproven], min(WIDENING_FACTOR * candidates, images), sizes
            )
    return settled


def _nearest_of_more_candidates(halved: _HalvedDistances, own: Tensor, candidates: int, sizes: Sequence[int]) -> Tensor:
    """The nearest of images with features ``own`` (n, D), where many images may be duplicates."""
    distinct, alike = torch.unique(own, dim=0, return_inverse=True)
    settled = []
    for block in distinct.split(BLOCK_IMAGES):
        found = torch.topk(halved.of(block), candidates, largest=False)
        settled.append(_verified_nearest(halved, block, found.indices, found.values, sizes))
    return torch.cat(settled)[alike]


def _nearest_in_float64(features: Tensor, own: Tensor, candidates: Tensor, count: int) -> Tensor:
    """The nearest ``count`` of the ``candidates`` (n, C) of images with features ``own`` (n, D).

    Sorted by float64 distance, then by row: one swapped pair of neighbours would move re-ranked distances by far more
    than rounding does.
    """
    at_once = max(1, BLOCK_VALUES // (features.shape[1] * candidates.shape[1]))
    nearest = [candidates[:0, :count]]
    for image, others in zip(own.split(at_once), candidates.split(at_once), strict=True):
        ordered = others.sort(dim=1).values
        apart = features[ordered].double().sub_(image.double()[:, None]).square_().sum(dim=2)
        nearest.append(ordered.gather(1, torch.sort(apart, dim=1, stable=True).indices[:, :count]))
    return torch.cat(nearest)
