"""Overhead of training: the input beside peers' data loaders, the loop beside the bare step.

The harness decodes images once, into a file that every process maps. It flips, pads, crops, normalises and erases them
as a batch. Peers decode an image each time they use it. torchreid is optional (``pip install -e '.[peers]'``).
"""

import os
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from torchvision import transforms

from benchmarks import peers
from benchmarks.speed import HEIGHT, IMAGES, PEOPLE, WIDTH, Other, synchronise
from harness import registry
from harness.recipe import Augmentation, Erasing, Initialisation, Optimiser, Recipe, Sampler, Schedule
from harness.training.augmentation import MEAN, STANDARD_DEVIATION, normalise
from harness.training.batches import Input, TrainingData
from harness.training.loop import train
from harness.training.optimisation import build_optimiser
from harness.training.step import training_step

pytestmark = pytest.mark.speed
PADDING = 10
BATCH, ITERATIONS = 64, 30
"""An epoch of Market-1501 has 200 iterations. In a few, the first batch and the optimiser's first step would weigh."""


def recipe_with(sampler: Sampler) -> Recipe:
    return Recipe(
        backbone="resnet18",
        height=HEIGHT,
        width=WIDTH,
        sampler=sampler,
        epochs=1,
        optimiser=Optimiser(rate=0.001),
        schedule=Schedule(),
        augmentation=Augmentation(padding=PADDING, erasing=Erasing()),
        initialisation=Initialisation("scratch"),
    )


def torchvision_transforms():
    return transforms.Compose(
        [
            transforms.Resize((HEIGHT, WIDTH)),
            transforms.RandomHorizontalFlip(),
            transforms.Pad(PADDING),
            transforms.RandomCrop((HEIGHT, WIDTH)),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STANDARD_DEVIATION),
            transforms.RandomErasing(),
        ]
    )


def seconds_per_image(batches):
    """Of going through all batches of images once."""
    started = time.perf_counter()
    count = sum(len(images) for images in batches)
    return (time.perf_counter() - started) / count


def test_input(compare, files, data):
    ours = Input(data, recipe_with(Sampler(BATCH, None)), 0, torch.device("cpu"))
    rows = ours.rows(0)

    def loader(transform):
        workers = os.cpu_count() or 1
        return DataLoader(peers.Decoding(files, transform), BATCH, shuffle=True, drop_last=True, num_workers=workers)

    def of_loader(transform):
        batches = loader(transform)
        return lambda: seconds_per_image(batches)

    installed = peers.installed("torchreid")
    theirs = of_loader(peers.torchreid_transforms(HEIGHT, WIDTH)[0]) if installed else None
    others = [
        Other(
            "limit",
            "reading and normalising alone",
            lambda: seconds_per_image(normalise(torch.from_numpy(data.images[chosen])) for chosen in rows),
        ),
        Other("peer", "torchreid's loader", theirs, at_least=5),
        Other("peer", "torchvision's transforms", of_loader(torchvision_transforms()), at_least=5),
    ]
    assert sum(map(len, rows)) == IMAGES
    compare(
        "input", lambda: seconds_per_image(batch.images for batch in ours.batches(0, rows)), others, 5, per_image=True
    )


def test_loop(compare, data, machine, tmp_path):
    # A CPU takes minutes for large images. With small ones the loop's own work weighs more: a stricter test.
    every = 1 if machine.device.type == "cuda" else 2
    height, width = HEIGHT // every, WIDTH // every
    recipe = replace(recipe_with(Sampler(16, 4)), height=height, width=width)
    count = BATCH * ITERATIONS + 1
    images = np.ascontiguousarray(data.images[:count, ::every, ::every])
    few = TrainingData(images, data.labels[:count], data.cameras[:count])
    method = registry.method("ide")
    model = machine.place(method.build(method.switches(), PEOPLE, "resnet18"))
    batch = next(Input(few, recipe, 0, machine.device).batches(0, [np.arange(BATCH)]))
    optimiser = build_optimiser(model, recipe.optimiser)

    def loop():
        # A training of its own each time: it would go on from the checkpoint of the last.
        checkpoint = tmp_path / "checkpoint.pt"
        checkpoint.unlink(missing_ok=True)
        log = train(model, few, recipe, 0, machine, checkpoint, lambda *_: None)
        return 1 / log["images_per_second"][0]

    def bare_step():
        model.train()
        started = time.perf_counter()
        for _ in range(ITERATIONS):
            losses = training_step(model, batch, optimiser, machine)
        # As in the loop, the losses are read once per epoch.
        float(sum(losses.values()))
        return (time.perf_counter() - started) / (ITERATIONS * BATCH)

    engine = peers.torchreid_engine(18, PEOPLE, machine.device) if peers.installed("torchreid") else None
    noise, labels = peers.noise(BATCH, height, width, PEOPLE, machine.device)

    def torchreid_step():
        started = time.perf_counter()
        peers.torchreid_step(engine, noise, labels)
        synchronise(machine.device)
        return (time.perf_counter() - started) / BATCH

    bare_step()
    others = [
        Other("limit", "the bare step, fed from memory", bare_step, at_least=0.98),
        Other("peer", "torchreid's step, fed from memory", torchreid_step if engine else None),
    ]
    compare(f"training loop, ResNet-18, {height}x{width}", loop, others, 5, per_image=True)
