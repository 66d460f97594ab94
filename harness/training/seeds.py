"""Random streams that depend on their purpose, never on earlier draws, so a resumed run draws the same numbers."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def derived_seed(seed: int, *axes: str | int) -> int:
    """A 63-bit seed for one purpose, such as ``derived_seed(0, "augmentation", epoch)``."""
    text = "/".join(map(str, (seed, *axes)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *axes: str | int) -> np.random.Generator:
    """A NumPy generator for one purpose."""
    return np.random.default_rng(derived_seed(seed, *axes))


def image_streams(seed: int, epoch: int, iteration: int, positions: NDArray[np.int64]) -> list[np.random.Generator]:
    """One generator per image of a batch, independent of the process that augments the image.

    Args:
        seed: Training seed.
        epoch: The epoch, from 0.
        iteration: The batch within the epoch, from 0.
        positions: Positions of the images in the whole batch.
    """
    batch = derived_seed(seed, "image", epoch, iteration)
    return [np.random.default_rng((batch, position)) for position in positions.tolist()]
