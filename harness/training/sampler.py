"""Which images stand together in a batch.

Not pytorch-metric-learning's MPerClassSampler: it draws from one global stream, so a resumed run could not repeat an
epoch, and it counts the batches of an epoch by another rule than the papers' released code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInput
from harness.recipe import Sampler
from harness.training.seeds import generator


def iterations_per_epoch(images: int, sampler: Sampler, infrared: int = 0) -> int:
    """Batches in an epoch of ``images``, of which so many are ``infrared``.

    For identity batches only whole ones count, and the last is dropped also when full, floor((N-1)/batch), as MPN's
    released sampler counts. Visible-infrared batches are floor(N/visible)+1 with N the images of the larger modality
    and ``visible`` those of a batch, as DDAG's released sampler counts.
    """
    if sampler.infrared_images_per_identity and sampler.images_per_identity:
        visible = sampler.groups * sampler.identities * sampler.images_per_identity
        return max(infrared, images - infrared) // visible + 1
    spare = 1 if sampler.images_per_identity else 0
    return max(1, (images - spare) // sampler.batch_size)


def epoch_batches(
    labels: NDArray[np.int64], sampler: Sampler, seed: int, epoch: int, infrared: NDArray[np.bool_] | None = None
) -> list[NDArray[np.int64]]:
    """Rows of every batch of one epoch, from (N,) identity labels; ``infrared`` (N,) says which images are infrared.

    Raises BadInput where there are fewer identities, or images, than a batch holds.
    """
    rng = generator(seed, "sampler", epoch)
    count = iterations_per_epoch(len(labels), sampler, 0 if infrared is None else int(infrared.sum()))
    if not sampler.images_per_identity:
        _require("images", len(labels), sampler.batch_size)
        order = rng.permutation(len(labels))
        return [order[i * sampler.batch_size : (i + 1) * sampler.batch_size] for i in range(count)]
    if sampler.infrared_images_per_identity:
        if infrared is None:
            raise BadInput("visible-infrared batches need to know the infrared images; name infrared among the priors")
        return _visible_infrared_batches(labels, infrared, sampler, count, rng)
    walks = {int(identity): _Walk(np.flatnonzero(labels == identity), rng) for identity in np.unique(labels)}
    _require("identities", len(walks), sampler.identities)
    return [
        np.concatenate(
            [
                _identity_batch(walks, sampler.identities, sampler.images_per_identity, rng)
                for _ in range(sampler.groups)
            ]
        )
        for _ in range(count)
    ]


def shares(sampler: Sampler, processes: int) -> list[NDArray[np.int64]]:
    """Positions in a batch that each of so many processes takes: whole identities, in the order of the batch.

    Raises BadInput where they cannot be shared alike, or a group of the sampler would be cut.
    """
    whole = sampler.groups if sampler.groups > 1 else sampler.identities
    if whole % processes:
        fitting = ", ".join(str(count) for count in range(1, whole + 1) if whole % count == 0)
        what = "groups" if sampler.groups > 1 else "identities" if sampler.images_per_identity else "images"
        raise BadInput(f"--gpus-per-run {processes} does not divide the {whole} {what} of a batch; use {fitting}")
    slots = np.arange(sampler.groups * sampler.identities)
    visible = np.repeat(slots, sampler.images_per_identity or 1)
    slot = np.concatenate([visible, np.repeat(slots, sampler.infrared_images_per_identity)])
    return [np.flatnonzero(slot * processes // len(slots) == process) for process in range(processes)]


def _require(what: str, found: int, needed: int) -> None:
    if found < needed:
        raise BadInput(
            f"the training set has {found} {what} and a batch needs {needed}; "
            "use a larger training set or a smaller profile"
        )


class _Walk:
    """An identity's images in a shuffled order, shuffled anew when used up."""

    def __init__(self, rows: NDArray[np.int64], rng: np.random.Generator) -> None:
        self.rows, self.rng = rows, rng
        self.waiting: list[int] = []

    def take(self, count: int) -> list[int]:
        """The next images; an identity with fewer than ``count`` gives some of them more than once."""
        if len(self.rows) < count:
            return self.rng.choice(self.rows, count, replace=True).tolist()
        if len(self.waiting) < count:
            self.waiting = self.rng.permutation(self.rows).tolist()
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        return taken


def _identity_batch(
    walks: dict[int, _Walk], identities: int, images: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    chosen = rng.choice(list(walks), identities, replace=False)
    return np.array([row for identity in chosen for row in walks[int(identity)].take(images)], dtype=np.int64)


def _visible_infrared_batches(
    labels: NDArray[np.int64], infrared: NDArray[np.bool_], sampler: Sampler, count: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """All visible images of a batch, then all infrared ones, the same identities in both, images with replacement.

    Identities that only one modality has seen take no part.
    """
    assert sampler.images_per_identity
    seen = np.intersect1d(labels[infrared], labels[~infrared])
    _require("identities", len(seen), sampler.identities)
    modalities = [(~infrared, sampler.images_per_identity), (infrared, sampler.infrared_images_per_identity)]
    rows = {identity: [np.flatnonzero(flags & (labels == identity)) for flags, _ in modalities] for identity in seen}
    batches = []
    for _ in range(count):
        chosen = np.concatenate([rng.choice(seen, sampler.identities, replace=False) for _ in range(sampler.groups)])
        drawn = [
            rng.choice(rows[identity][modality], images)
            for modality, (_, images) in enumerate(modalities)
            for identity in chosen
        ]
        batches.append(np.concatenate(drawn))
    return batches
