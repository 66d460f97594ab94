"""The training input: sampled images, augmented as a batch, on the device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness.models.reid import Batch
from harness.recipe import Augmentation, Recipe
from harness.training.augmentation import (
    Placement,
    erase,
    normalise,
    pad_and_crop,
    place_images,
    place_prior,
    translation_offsets,
)
from harness.training.patches import PatchPool
from harness.training.pixel_transforms import transform_pixels
from harness.training.sampler import epoch_batches, shares
from harness.training.seeds import derived_seed, image_streams
from harness.training.transfer import sent
from harness.training.world import World


@dataclass(frozen=True)
class TrainingData:
    """A training split: ``images`` (N, H, W, 3) uint8, ``labels`` (N,) 0..C-1, ``cameras`` (N,), priors by kind."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    cameras: NDArray[np.int64]
    priors: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def num_classes(self) -> int:
        """Number of identities in the split."""
        return int(self.labels.max()) + 1


class Input:
    """The batches of a training, or one process's share of them.

    Random draws for an image depend only on the seed, the epoch, the batch, and the position in the batch. So a share
    equals that part of the whole batch, and a resumed epoch continues exactly. (Random patches are the exception: a
    process pastes patches of its own images only.)
    """

    def __init__(
        self, data: TrainingData, recipe: Recipe, seed: int, device: torch.device, world: World | None = None
    ) -> None:
        """Prepare the input of one process.

        Args:
            data: The training split.
            recipe: Sampler and augmentation.
            seed: Training seed.
            device: Device of the batches.
            world: The processes that share each batch; by default one process.

        Raises:
            BadInput: The processes cannot share a batch evenly.
        """
        world = world or World()
        self.data, self.recipe, self.seed, self.device = data, recipe, seed, device
        self.share = shares(recipe.sampler, world.size)[world.rank]
        self.groups = max(1, recipe.sampler.groups // world.size)
        self.offsets = translation_offsets(
            len(data.labels), recipe.augmentation.translation, derived_seed(seed, "translation")
        )

    def rows(self, epoch: int) -> list[NDArray[np.int64]]:
        """The rows of every whole batch of an epoch, where each image and its translated copies count as rows."""
        copies = self.offsets.shape[1]
        infrared = np.repeat(self.data.priors["infrared"], copies) if "infrared" in self.data.priors else None
        return epoch_batches(np.repeat(self.data.labels, copies), self.recipe.sampler, self.seed, epoch, infrared)

    def batches(self, epoch: int, rows: list[NDArray[np.int64]], first: int = 0) -> Iterator[Batch]:
        """Yield this process's share of each batch of an epoch with these ``rows``, from batch ``first`` on."""
        # The pool starts each epoch empty. In a resumed epoch, the images of the earlier batches fill it again.
        pool = PatchPool(self.recipe.augmentation.patch) if self.recipe.augmentation.patch else None
        for iteration, chosen in enumerate(rows):
            if iteration >= first or pool:
                streams = image_streams(self.seed, epoch, iteration, self.share)
                batch = self._augmented(chosen[self.share], streams, pool)
                if iteration >= first:
                    yield batch

    def _augmented(
        self, chosen: NDArray[np.int64], streams: list[np.random.Generator], pool: PatchPool | None
    ) -> Batch:
        data, augmentation = self.data, self.recipe.augmentation
        rows, copy = np.divmod(chosen, self.offsets.shape[1])
        placement = self._placement(self.offsets[rows, copy], augmentation, streams)
        raw = self._here(data.images[rows])
        images = normalise(transform_pixels(place_images(raw, placement), augmentation, streams))
        if augmentation.erasing:
            images = erase(images, augmentation.erasing, streams)
        if pool:
            images = pool.put(images, streams)
        priors = {kind: place_prior(kind, self._here(prior[rows]), placement) for kind, prior in data.priors.items()}
        labels, cameras, indices = (self._here(values) for values in (data.labels[rows], data.cameras[rows], rows))
        batch = Batch(images, labels, cameras, indices, priors, self.groups)
        if "infrared" in data.priors:
            batch.infrared_count = int(data.priors["infrared"][rows].sum())
        return batch

    def _placement(
        self, shift: NDArray[np.float64], augmentation: Augmentation, streams: list[np.random.Generator]
    ) -> Placement:
        placement = Placement(np.array([stream.random() < augmentation.flip for stream in streams]), shift)
        if augmentation.padding:
            placement = pad_and_crop(placement, augmentation.padding, self.data.images.shape[1:3], streams)
        return placement

    def _here(self, values: NDArray[Any]) -> torch.Tensor:
        return sent(values, self.device)
