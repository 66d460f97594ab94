"""Which images stand together in a batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInput
from harness.recipe import Sampler
from harness.training.seeds import generator


def iterations_per_epoch(images: int, sampler: Sampler) -> int:
    """Whole batches in an epoch of ``images``.

    For identity batches the last is dropped also when full, floor((N-1)/batch), as MPN's released sampler counts.
    """
    spare = 1 if sampler.images_per_identity else 0
    return max(1, (images - spare) // sampler.batch_size)


def epoch_batches(labels: NDArray[np.int64], sampler: Sampler, seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """Rows of every batch of one epoch, from (N,) identity labels.

    Raises BadInput where there are fewer identities than a batch holds.
    """
    rng = generator(seed, "sampler", epoch)
    count = iterations_per_epoch(len(labels), sampler)
    if not sampler.images_per_identity:
        order = rng.permutation(len(labels))
        return [order[i * sampler.batch_size : (i + 1) * sampler.batch_size] for i in range(count)]
    walks = {int(identity): _Walk(np.flatnonzero(labels == identity), rng) for identity in np.unique(labels)}
    if len(walks) < sampler.identities:
        raise BadInput(
            f"the training set has {len(walks)} identities and a batch needs {sampler.identities}; "
            "use a larger training set or a smaller profile"
        )
    return [
        np.concatenate(
            [
                _identity_batch(walks, sampler.identities, sampler.images_per_identity, rng)
                for _ in range(sampler.groups)
            ]
        )
        for _ in range(count)
    ]


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
