"""Random patch (Zhou et al., OSNet, ICCV 2019): paste parts of earlier images over an image."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from harness.recipe import Patch
from harness.training.augmentation import random_rectangle


class PatchPool:
    """Patches of the images seen so far; a full pool drops the oldest."""

    def __init__(self, settings: Patch) -> None:
        self.settings = settings
        self.patches: deque[Tensor] = deque(maxlen=settings.pool)

    def put(self, images: Tensor, streams: Sequence[np.random.Generator]) -> Tensor:
        """Apply random patch, in place, to normalised (B, 3, H, W) images, one after the other.

        Each image first adds a patch to the pool. It may then get a patch from the pool, mirrored or not, at a random
        position.
        """
        for image, rng in zip(images, streams, strict=True):
            self._take(image, rng)
            if len(self.patches) >= self.settings.ready and rng.random() < self.settings.probability:
                self._paste(image, rng)
        return images

    def _take(self, image: Tensor, rng: np.random.Generator) -> None:
        box = random_rectangle(image.shape[1], image.shape[2], self.settings, rng)
        if box:
            top, left, rows, columns = box
            self.patches.append(image[:, top : top + rows, left : left + columns].clone())

    def _paste(self, image: Tensor, rng: np.random.Generator) -> None:
        patch = self.patches[rng.integers(len(self.patches))]
        if rng.random() < self.settings.flip:
            patch = patch.flip(2)
        rows, columns = patch.shape[1:]
        top, left = rng.integers(image.shape[1] - rows + 1), rng.integers(image.shape[2] - columns + 1)
        image[:, top : top + rows, left : left + columns] = patch
