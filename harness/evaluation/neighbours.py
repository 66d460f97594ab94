"""The nearest neighbours of every image among all, exact, without the N x N matrix.

The distance of p to g is that of g to p, so each pair is multiplied once: a block of images meets itself and those
behind it, from the last block to the first, and is offered to those behind it as neighbours. Float32 decides where its
rounding cannot swap two neighbours, float64 where it could.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.evaluation.distance import full_precision

BLOCK = 1024
"""Images whose distances are made at once: 79 MB at Market-1501's size, 384 MB at MSMT17's."""

PAIR_NUMBERS = 2**20
"""Numbers in the features of the pairs of images whose distance is made at once: 4 MB, about what a cache holds."""

ROUNDING = 8
"""A float32 product of D-vectors a and b errs by less than ROUNDING * sqrt(D) * 2^-24 * sum(|a_i b_i|) but for a chance
below 1e-13 (Higham and Mary, "A New Approach to Probabilistic Rounding Error Analysis", SIAM J. Sci. Comput. 2019)."""

WIDER = 8
"""Times more candidates for an image whose neighbours are not proven to be among the first ones."""


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Of each image (N): the ``rows`` (N, K) of its nearest, and half the squared distance of its ``farthest`` (N,).
    ``query_to_gallery`` (Q, G) are halved squared distances, too."""

    rows: Tensor
    farthest: Tensor
    query_to_gallery: Tensor


def neighbourhood(features: Tensor, queries: int, sizes: Sequence[int]) -> Neighbourhood:
    """The neighbourhood of ``features`` (N, D), float32, the first ``queries`` of which are query, the rest gallery.

    The first of an image's neighbours, as many as each of ``sizes`` says, are its nearest so many by float64 distance,
    itself included; of two at the same distance the earlier row. K is the largest of ``sizes``, but N at most.
    """
    images = len(features)
    halved = _HalvedDistances(features)
    nearest = _Candidates(images, min(2 * max(sizes), images), features.device)
    farthest = torch.zeros(images, device=features.device)
    query_to_gallery = torch.empty((queries, images - queries), device=features.device)
    memory = torch.empty(min(BLOCK, images) * images, device=features.device)
    for stop in range(images, 0, -BLOCK):  # whose rows of whole blocks lie evenly in memory, a quarter faster
        start = max(0, stop - BLOCK)
        here, behind = slice(start, stop), slice(stop, images)
        halves = halved.of(features[here], start, memory)
        nearest.choose(here, halves)
        farthest[here] = halves.amax(dim=1)
        if stop < images:
            nearest.offer(here, behind, halves[:, stop - start :])
            farthest[behind] = torch.maximum(farthest[behind], halves[:, stop - start :].amax(dim=0))
        if start < queries:
            query_to_gallery[here] = halves[: queries - start, queries - start :]
    rows = _settled(halved, features, nearest.rows, nearest.halves, sizes)
    return Neighbourhood(rows, farthest.clamp_min_(0), query_to_gallery.clamp_min_(0))


class _HalvedDistances:
    """Half the squared distances to all ``features`` (N, D), as float32 products of vectors with two more dimensions:
    (p, |p|^2 / 2, 1) times (-g, 1, |g|^2 / 2)."""

    def __init__(self, features: Tensor) -> None:
        self.features = features
        self.mean = features.mean(dim=0)  # taken off, it changes no distance and spares float32 its cancellation
        centred = features - self.mean
        squares = centred.square().sum(dim=1, keepdim=True)
        self.longest = squares.max().sqrt()
        self.factors = torch.cat([-centred, torch.ones_like(squares), squares / 2], dim=1)

    def of(self, own: Tensor, start: int = 0, memory: Tensor | None = None) -> Tensor:
        """From ``own`` (b, D) to all from row ``start`` on (b, N - start), in ``memory`` where given."""
        centred = own - self.mean
        squares = centred.square().sum(dim=1, keepdim=True)
        shape = len(own), len(self.factors) - start
        out = None if memory is None else memory[: shape[0] * shape[1]].view(shape)
        with full_precision(own.device.type):
            return torch.mm(
                torch.cat([centred, squares / 2, torch.ones_like(squares)], dim=1), self.factors[start:].T, out=out
            )

    def doubt(self, own: Tensor, halves: Tensor) -> Tensor:
        """How much farther than ``halves`` (b, C) from ``own`` (b, D) another image's must be to be farther for sure:
        the rounding of both. An image at distance d is no longer than the longest, nor than |p| + d."""
        length = torch.linalg.vector_norm(own - self.mean, dim=1)[:, None]
        other = torch.minimum(self.longest, length + (2 * halves.clamp_min(0)).sqrt())
        return ROUNDING * self.factors.shape[1] ** 0.5 * 2**-24 * (length + other).square()


class _Candidates:
    """The ``rows`` (N, C) of the nearest of each of N images found so far, nearest first, and their ``halves``."""

    def __init__(self, images: int, count: int, device: torch.device) -> None:
        self.rows = torch.zeros((images, count), dtype=torch.int64, device=device)
        self.halves = torch.full((images, count), torch.inf, device=device)

    def choose(self, here: slice, halves: Tensor) -> None:
        """For the images ``here``, from ``halves`` (b, m) to the last m images."""
        found = torch.topk(halves, min(self.rows.shape[1], halves.shape[1]), largest=False)
        self.rows[here, : found.indices.shape[1]] = found.indices + here.start
        self.halves[here, : found.values.shape[1]] = found.values

    def offer(self, here: slice, behind: slice, halves: Tensor) -> None:
        """The images ``here`` to those ``behind``, from ``halves`` (b, m) between them."""
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


def _settled(halved: _HalvedDistances, own: Tensor, rows: Tensor, halves: Tensor, sizes: Sequence[int]) -> Tensor:
    """The nearest of images with features ``own`` (n, D), given the ``rows`` (n, C) of the C nearest in float32 and
    their ``halves``: what rounding could have swapped is ordered anew, or looked for among more."""
    images, candidates = len(halved.features), rows.shape[1]
    count = min(max(sizes), images)
    apart = halves.diff(dim=1) > halved.doubt(own, halves[:, 1:])
    edges = [size - 1 for size in sizes if size < candidates]
    unsure = torch.nonzero(~apart[:, edges].all(dim=1)).flatten()
    settled = rows[:, :count].clone()
    settled[unsure] = _nearest_in_double(halved.features, own[unsure], rows[unsure], count)
    if candidates < images:
        within = halves[unsure, -1] - halves[unsure, count - 1] > halved.doubt(own[unsure], halves[unsure, -1:])[:, 0]
        unproven = unsure[~within]
        if len(unproven):
            settled[unproven] = _nearest_of_more(halved, own[unproven], min(WIDER * candidates, images), sizes)
    return settled


def _nearest_of_more(halved: _HalvedDistances, own: Tensor, candidates: int, sizes: Sequence[int]) -> Tensor:
    """The nearest of images with features ``own`` (n, D), of which many may be duplicates of each other."""
    distinct, alike = torch.unique(own, dim=0, return_inverse=True)
    settled = []
    for block in distinct.split(BLOCK):
        found = torch.topk(halved.of(block), candidates, largest=False)
        settled.append(_settled(halved, block, found.indices, found.values, sizes))
    return torch.cat(settled)[alike]


def _nearest_in_double(features: Tensor, own: Tensor, candidates: Tensor, count: int) -> Tensor:
    """Of the ``candidates`` (n, C) of images with features ``own`` (n, D) the nearest ``count``, by float64 distance,
    then by row: one pair of neighbours swapped would move re-ranked distances by far more than rounding."""
    at_once = max(1, PAIR_NUMBERS // (features.shape[1] * candidates.shape[1]))
    nearest = [candidates[:0, :count]]
    for image, others in zip(own.split(at_once), candidates.split(at_once), strict=True):
        ordered = others.sort(dim=1).values
        apart = features[ordered].double().sub_(image.double()[:, None]).square_().sum(dim=2)
        nearest.append(ordered.gather(1, torch.sort(apart, dim=1, stable=True).indices[:, :count]))
    return torch.cat(nearest)
