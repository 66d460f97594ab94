"""Train one run: the same loop for every method."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.errors import NonFiniteLoss
from harness.models.reid import Batch, ReIDModel
from harness.recipe import Recipe
from harness.training import checkpoint
from harness.training.augmentation import (
    Placement,
    erase,
    normalise,
    padded_and_cropped,
    place_images,
    place_prior,
    translation_offsets,
)
from harness.training.distortion import distort
from harness.training.optimisation import build_optimiser, rate_factor, set_rate
from harness.training.patches import PatchPool
from harness.training.sampler import epoch_batches
from harness.training.seeds import derived_seed, generator

LOSS_CHECK_EVERY = 25
"""Iterations between looks at the loss, since each look makes a GPU wait."""


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


@dataclass(frozen=True)
class Machine:
    """What a run is computed on: device, and whether the forward pass runs in bfloat16."""

    device: torch.device
    bfloat16: bool

    @classmethod
    def of(cls, device: str, bfloat16: bool) -> Machine:
        """The device of that name, made deterministic."""
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = False
        return cls(torch.device(device), bfloat16)

    def place(self, model: ReIDModel) -> ReIDModel:
        """The model on the device, channels last in memory, which convolutions are faster in."""
        return model.to(self.device).to(memory_format=torch.channels_last)

    def autocast(self) -> torch.autocast:
        """Mixed precision where it helps."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)


def train(
    model: ReIDModel,
    data: TrainingData,
    recipe: Recipe,
    seed: int,
    machine: Machine,
    checkpoint_path: Path,
    epoch_done: Callable[[int, dict[str, Any]], None],
) -> dict[str, Any]:
    """Train ``model`` in place, from the last checkpoint if there is one; ``epoch_done`` hears of each epoch.

    Returns the log: per epoch the mean of the loss and of each named loss, learning rate, images/s and seconds. Raises
    NonFiniteLoss.
    """
    machine.place(model)
    optimiser = build_optimiser(model, recipe.optimiser)
    log: dict[str, Any] = {"epoch": [], "loss": [], "losses": {}, "rate": [], "images_per_second": [], "seconds": []}
    first = 0
    resumed = checkpoint.load(checkpoint_path, model, optimiser)
    if resumed:
        first, log = resumed
    offsets = translation_offsets(len(data.labels), recipe.augmentation.translation, derived_seed(seed, "translation"))
    for epoch in range(first, recipe.epochs):
        _train_epoch(model, data, recipe, seed, machine, optimiser, offsets, epoch, log)
        model.end_epoch({name: means[-1] for name, means in log["losses"].items()})
        checkpoint.save(checkpoint_path, model, optimiser, epoch + 1, log)
        epoch_done(epoch + 1, log)
    return log


def _train_epoch(
    model: ReIDModel,
    data: TrainingData,
    recipe: Recipe,
    seed: int,
    machine: Machine,
    optimiser: torch.optim.Optimizer,
    offsets: NDArray[np.float64],
    epoch: int,
    log: dict[str, Any],
) -> None:
    torch.manual_seed(derived_seed(seed, "model", epoch))
    model.train()
    copies = offsets.shape[1]
    infrared = np.repeat(data.priors["infrared"], copies) if "infrared" in data.priors else None
    batches = epoch_batches(np.repeat(data.labels, copies), recipe.sampler, seed, epoch, infrared)
    sums: dict[str, Tensor] = {}
    started = time.perf_counter()
    for iteration, batch in enumerate(
        _batches(data, recipe, machine, batches, offsets, generator(seed, "image", epoch))
    ):
        rate = recipe.optimiser.rate * rate_factor(recipe.schedule, recipe.epochs, epoch, iteration, len(batches))
        set_rate(optimiser, rate)
        losses = training_step(model, batch, optimiser, machine)
        for name, value in losses.items():
            sums[name] = sums.get(name, torch.zeros((), device=machine.device)) + value
        if (iteration + 1) % LOSS_CHECK_EVERY == 0 or iteration + 1 == len(batches):
            _require_finite(sums, epoch, iteration)
    seconds = time.perf_counter() - started
    means = {name: float(total) / len(batches) for name, total in sums.items()}
    log["epoch"].append(epoch + 1)
    log["loss"].append(sum(means.values()))
    for name, mean in means.items():
        log["losses"].setdefault(name, []).append(mean)
    log["rate"].append(rate)
    log["images_per_second"].append(sum(map(len, batches)) / seconds)
    log["seconds"].append(seconds)


def training_step(
    model: ReIDModel, batch: Batch, optimiser: torch.optim.Optimizer, machine: Machine
) -> dict[str, Tensor]:
    """One step on the sum of the named losses; losses are computed in float32. Returns them, detached."""
    with machine.autocast():
        features = model(batch)
    losses = model.losses(in_float32(features), batch)
    optimiser.zero_grad(set_to_none=True)
    torch.stack(list(losses.values())).sum().backward()
    optimiser.step()
    return {name: value.detach() for name, value in losses.items()}


def in_float32(features: Any) -> Any:
    """Features with every low-precision tensor in float32, in the same dict, list, tuple or dataclass."""
    if isinstance(features, Tensor):
        return features.float() if features.is_floating_point() else features
    if isinstance(features, dict):
        return {name: in_float32(value) for name, value in features.items()}
    if isinstance(features, (list, tuple)):
        return type(features)(in_float32(value) for value in features)
    if is_dataclass(features) and not isinstance(features, type):
        return replace(features, **{part.name: in_float32(getattr(features, part.name)) for part in fields(features)})
    return features


def _batches(
    data: TrainingData,
    recipe: Recipe,
    machine: Machine,
    batches: list[NDArray[np.int64]],
    offsets: NDArray[np.float64],
    rng: np.random.Generator,
) -> Iterator[Batch]:
    """Augmented batches; a sampled index counts images and their translated copies."""
    copies = offsets.shape[1]
    augmentation = recipe.augmentation
    # Empty at the start of each epoch, so that a resumed run, which keeps no images, goes on exactly.
    patches = PatchPool(augmentation.patch) if augmentation.patch else None
    for chosen in batches:
        rows, copy = np.divmod(chosen, copies)
        placement = Placement(rng.random(len(rows)) < augmentation.flip, offsets[rows, copy])
        if augmentation.padding:
            placement = padded_and_cropped(placement, augmentation.padding, data.images.shape[1:3], rng)
        raw = torch.from_numpy(data.images[rows]).to(machine.device)
        images = normalise(distort(place_images(raw, placement), augmentation, rng))
        if augmentation.erasing:
            images = erase(images, augmentation.erasing, rng)
        if patches:
            images = patches.put(images, rng)
        priors = {
            kind: place_prior(kind, torch.from_numpy(prior[rows]).to(machine.device), placement)
            for kind, prior in data.priors.items()
        }
        labels, cameras, indices = (
            torch.from_numpy(values).to(machine.device) for values in (data.labels[rows], data.cameras[rows], rows)
        )
        yield Batch(images, labels, cameras, indices, priors)


def _require_finite(sums: Mapping[str, Tensor], epoch: int, iteration: int) -> None:
    broken = [name for name, total in sums.items() if not torch.isfinite(total)]
    if broken:
        raise NonFiniteLoss(f"{', '.join(broken)} not finite in epoch {epoch + 1}, by iteration {iteration + 1}")
