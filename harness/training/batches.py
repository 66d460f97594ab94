"""The training input: sampled rows of the decoded images, augmented as a batch, on the device."""

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
    padded_and_cropped,
    place_images,
    place_prior,
    translation_offsets,
)
from harness.training.patches import PatchPool
from harness.training.pixel_transforms import transform_pixels
from harness.training.sampler import epoch_batches, shares
from harness.training.seeds import derived_seed, image_streams
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
        """Identities in the split."""
        return int(self.labels.max()) + 1


class Input:
    """The batches of a training, or the share of them that one of several processes takes.

    What is drawn for an image depends on the seed, the epoch, the batch and its position in the batch, and on nothing
    that was drawn before: a share holds what the whole batch would hold there, and a resumed epoch goes on exactly.
    (Random patches are the exception: a process pastes those of its own images.)
    """

    def __init__(
        self, data: TrainingData, recipe: Recipe, seed: int, device: torch.device, world: World | None = None
    ) -> None:
        """Raises BadInput where the batch cannot be shared among the processes of ``world``."""
        world = world or World()
        self.data, self.recipe, self.seed, self.device = data, recipe, seed, device
        self.share = shares(recipe.sampler, world.size)[world.rank]
        self.groups = max(1, recipe.sampler.groups // world.size)
        self.offsets = translation_offsets(
            len(data.labels), recipe.augmentation.translation, derived_seed(seed, "translation")
        )

    def rows(self, epoch: int) -> list[NDArray[np.int64]]:
        """Every whole batch of an epoch: rows that count each image and its translated copies."""
        copies = self.offsets.shape[1]
        infrared = np.repeat(self.data.priors["infrared"], copies) if "infrared" in self.data.priors else None
        return epoch_batches(np.repeat(self.data.labels, copies), self.recipe.sampler, self.seed, epoch, infrared)

    def batches(self, epoch: int, rows: list[NDArray[np.int64]], first: int = 0) -> Iterator[Batch]:
        """This process's share of the batches of an epoch, whose ``rows`` these are, from batch ``first`` on."""
        # Empty at the start of each epoch; where an epoch is resumed, the images of its first batches fill it again.
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
        return Batch(images, labels, cameras, indices, priors, self.groups)

    def _placement(
        self, shift: NDArray[np.float64], augmentation: Augmentation, streams: list[np.random.Generator]
    ) -> Placement:
        placement = Placement(np.array([stream.random() < augmentation.flip for stream in streams]), shift)
        if augmentation.padding:
            placement = padded_and_cropped(placement, augmentation.padding, self.data.images.shape[1:3], streams)
        return placement

    def _here(self, values: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(values).to(self.device)
