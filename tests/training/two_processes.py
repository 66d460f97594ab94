"""Run by test_world.py under torchrun, and by itself: a short training, its log, weights and features."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from harness import registry
from harness.recipe import Augmentation, Erasing, Jitter, Optimiser, Recipe, Sampler, Schedule
from harness.runs.features import extract
from harness.training.batches import TrainingData
from harness.training.loop import train
from harness.training.machine import Machine
from harness.training.sampler import shares
from harness.training.world import World, process_group

CPU = Machine(torch.device("cpu"), bfloat16=False)


def data() -> TrainingData:
    """Six people of six noise images each, three of them infrared."""
    rng = np.random.default_rng(0)
    people = rng.integers(0, 256, (6, 1, 32, 16, 3))
    images = (people + rng.integers(-60, 60, (6, 6, 32, 16, 3))).clip(0, 255).astype(np.uint8).reshape(36, 32, 16, 3)
    infrared = np.tile([False, False, False, True, True, True], 6)
    return TrainingData(images, np.repeat(np.arange(6), 6), np.zeros(36, np.int64), {"infrared": infrared})


def recipe(method: str) -> Recipe:
    sampler = Sampler(4, 2, infrared_images_per_identity=2) if method == "ddag" else Sampler(4, 2)
    whole = registry.method(method).recipe(registry.method(method).switches(), "synthetic", "demo")
    return Recipe(
        backbone="resnet10",
        height=32,
        width=16,
        sampler=sampler,
        epochs=1,
        optimiser=Optimiser(rate=0.001, multipliers=whole.optimiser.multipliers),
        schedule=Schedule(),
        augmentation=Augmentation(padding=2, jitter=Jitter(0.2, 0.2, 0.2), erasing=Erasing()),
        initialisation=whole.initialisation,
    )


def normalised_in_shares(module: _BatchNorm, images: torch.Tensor, sampler: Sampler) -> torch.Tensor:
    """BN as two processes compute it, in one: each share by its own statistics, of which the first one's are kept.

    What is normalised is the whole batch, or (by the stems of DDAG) the images of one modality.
    """
    whole = len(images) == sampler.batch_size
    first, second = map(torch.as_tensor, shares(sampler, 2) if whole else torch.arange(len(images)).chunk(2))
    settings = (module.weight, module.bias, True, module.momentum, module.eps)
    kept = F.batch_norm(images[first], module.running_mean, module.running_var, *settings)
    normalised = torch.cat([kept, F.batch_norm(images[second], None, None, *settings)])
    return normalised[torch.argsort(torch.cat([first, second]))]


def main(methods: Sequence[str], target: Path) -> None:
    """Train one network of each method, in as many processes as take part, and write what came of it for each."""
    with process_group("cpu") as world:
        for method in methods:
            torch.save(trained(method, target, world), target.with_name(f"{target.name}-{method}-{world.rank}"))


def trained(method: str, target: Path, world: World) -> dict[str, Any]:
    torch.manual_seed(1)
    training = data()
    built = registry.method(method)
    model = built.build(built.switches(), training.num_classes, "resnet10")
    sampler = recipe(method).sampler
    if world.size == 1:
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                module.forward = lambda images, module=module: normalised_in_shares(module, images, sampler)
    checkpoint = target.with_name(f"{target.name}-{method}.checkpoint")
    log = train(model, training, recipe(method), 0, CPU, checkpoint, lambda *_: None, world)
    for module in model.modules():
        module.__dict__.pop("forward", None)
    found = {"log": log, "weights": model.state_dict()}
    for name, images in (("features", 7), ("of one image", 1)):
        infrared = {"infrared": training.priors["infrared"][:images]} if method == "ddag" else {}
        found[name], _ = extract(model, training.images[:images], infrared, CPU, world)
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[2:], Path(sys.argv[1]))
