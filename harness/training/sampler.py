"""The sampler: which images form a batch.

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
    """Batches per epoch of ``images``, including ``infrared`` images.

    Identity batches: floor((N-1)/batch). Only whole batches count, and the last is dropped even when full, as in MPN's
    released sampler. Visible-infrared batches: floor(N/visible)+1, with N the images of the larger modality and
    ``visible`` the visible images per batch, as in DDAG's released sampler. Where identities are used up, an epoch has
    at most floor(N/batch) batches: images that fill no group are left out, and so are the last identities.
    """
    if sampler.infrared_images_per_identity and sampler.images_per_identity:
        visible = sampler.groups * sampler.identities * sampler.images_per_identity
        return max(infrared, images - infrared) // visible + 1
    spare = 1 if sampler.images_per_identity and sampler.draw == "anew" else 0
    return max(1, (images - spare) // sampler.batch_size)


def epoch_batches(
    labels: NDArray[np.int64], sampler: Sampler, seed: int, epoch: int, infrared: NDArray[np.bool_] | None = None
) -> list[NDArray[np.int64]]:
    """The rows of every batch of one epoch.

    Args:
        labels: Identity of each image (N,).
        sampler: Composition of a batch.
        seed: Training seed.
        epoch: The epoch, from 0.
        infrared: Whether each image is infrared (N,), for visible-infrared batches.

    Raises:
        BadInput: There are fewer identities or images than a batch needs, or ``infrared`` is missing.
    """
    rng = generator(seed, "sampler", epoch)
    count = iterations_per_epoch(len(labels), sampler, 0 if infrared is None else int(infrared.sum()))
    if not sampler.images_per_identity:
        _require("images", len(labels), sampler.batch_size)
        order = rng.permutation(len(labels))
        return [order[i * sampler.batch_size : (i + 1) * sampler.batch_size] for i in range(count)]
    if sampler.infrared_images_per_identity:
        if infrared is None:
            raise BadInput("visible-infrared batches must know the infrared images; name infrared among the priors")
        return _visible_infrared_batches(labels, infrared, sampler, count, rng)
    if sampler.draw == "used_up":
        return _used_up_batches(labels, sampler, sampler.images_per_identity, rng)
    images_by_identity = {
        int(identity): _ShuffledImages(np.flatnonzero(labels == identity), rng) for identity in np.unique(labels)
    }
    _require("identities", len(images_by_identity), sampler.identities)
    return [
        np.concatenate(
            [
                _identity_batch(images_by_identity, sampler.identities, sampler.images_per_identity, rng)
                for _ in range(sampler.groups)
            ]
        )
        for _ in range(count)
    ]


def shares(sampler: Sampler, processes: int) -> list[NDArray[np.int64]]:
    """The positions in a batch of each of the ``processes``: whole identities, in the order of the batch.

    Raises BadInput if the identities cannot be shared evenly, or a group of the sampler would be split.
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


class _ShuffledImages:
    """The images of one identity in shuffled order, shuffled again when used up."""

    def __init__(self, rows: NDArray[np.int64], rng: np.random.Generator) -> None:
        self.rows, self.rng = rows, rng
        self.waiting: list[int] = []

    def take(self, count: int) -> list[int]:
        """The next ``count`` images; an identity with fewer images repeats some."""
        if len(self.rows) < count:
            return self.rng.choice(self.rows, count, replace=True).tolist()
        if len(self.waiting) < count:
            self.waiting = self.rng.permutation(self.rows).tolist()
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        return taken


def _identity_batch(
    images_by_identity: dict[int, _ShuffledImages], identities: int, images: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    chosen = rng.choice(list(images_by_identity), identities, replace=False)
    return np.array(
        [row for identity in chosen for row in images_by_identity[int(identity)].take(images)], dtype=np.int64
    )


def _used_up_batches(
    labels: NDArray[np.int64], sampler: Sampler, images: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Batches until too few identities are left. Each of the sampler's groups deals all images for itself."""
    dealt = [_deal(labels, sampler.identities, images, rng) for _ in range(sampler.groups)]
    return [np.concatenate(parts) for parts in zip(*dealt, strict=False)]


def _deal(labels: NDArray[np.int64], identities: int, images: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Batches of one deal: an identity with fewer than ``images`` images repeats some, and of others a rest is left."""
    hands: dict[int, list[NDArray[np.int64]]] = {}
    for identity in np.unique(labels):
        rows = np.flatnonzero(labels == identity)
        rows = rng.permutation(rows) if len(rows) >= images else rng.choice(rows, images)
        hands[int(identity)] = [rows[start : start + images] for start in range(0, len(rows) - images + 1, images)]
    _require("identities", len(hands), identities)
    batches = []
    while len(hands) >= identities:
        chosen = [int(identity) for identity in rng.choice(list(hands), identities, replace=False)]
        batches.append(np.concatenate([hands[identity].pop() for identity in chosen]))
        hands = {identity: hand for identity, hand in hands.items() if hand}
    return batches


def _visible_infrared_batches(
    labels: NDArray[np.int64], infrared: NDArray[np.bool_], sampler: Sampler, count: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Batches of visible images, then infrared images of the same identities, drawn with replacement.

    Identities without images in both modalities are left out.
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
