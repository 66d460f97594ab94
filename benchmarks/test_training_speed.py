"""Overhead of training: the input compared with peers' data loaders, the loop compared with the bare step.

The harness decodes images once, into a file that every process maps. It flips, pads, crops, normalises and erases them
as a batch. Peers decode an image each time they use it. The compared runs alternate on the same cores. torchreid is
optional (``pip install -e '.[peers]'``).
"""

import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from harness import registry
from harness.recipe import Augmentation, Erasing, Initialisation, Optimiser, Recipe, Sampler, Schedule
from harness.training.augmentation import MEAN, STANDARD_DEVIATION
from harness.training.batches import Input, TrainingData
from harness.training.loop import train
from harness.training.machine import Machine
from harness.training.optimisation import build_optimiser
from harness.training.step import training_step

MIN_RATIO_TO_PEER = 3.0
MIN_RATIO_TO_STEP = 0.95
IMAGES, PEOPLE = 2048, 256
HEIGHT, WIDTH = 256, 128
PADDING = 10
ROUNDS = 3


def settings(sampler: Sampler) -> Recipe:
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


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    """JPEG files of the size of Market-1501's images, smooth enough to compress like photographs."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    paths = [folder / f"{number:04}.jpg" for number in range(IMAGES)]
    for path in paths:
        coarse = Image.fromarray(rng.integers(0, 256, (16, 8, 3), np.uint8))
        coarse.resize((64, 128), Image.Resampling.BICUBIC).save(path, quality=90)
    return paths


@pytest.fixture(scope="module")
def data(files, tmp_path_factory) -> TrainingData:
    """The same images, decoded once into a mapped file, as in ``harness.datasets.images``."""
    kept = tmp_path_factory.mktemp("cache") / "train.npy"
    decoded = [np.asarray(Image.open(file).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)) for file in files]
    np.save(kept, np.stack(decoded))
    labels = np.arange(IMAGES) % PEOPLE
    return TrainingData(np.load(kept, mmap_mode="r"), labels, np.zeros(IMAGES, np.int64))


class Decoding(Dataset):
    """A peer's dataset: opens and transforms an image on each access."""

    def __init__(self, files, transform) -> None:
        self.files, self.transform = files, transform

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row):
        return self.transform(Image.open(self.files[row]).convert("RGB"))


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


def torchreid_transforms():
    peer = pytest.importorskip("torchreid.reid.data.transforms", reason="pip install -e '.[peers]' brings the peer")
    return peer.build_transforms(HEIGHT, WIDTH, ["random_flip", "random_crop", "random_erase"])[0]


@pytest.mark.parametrize("peer", [torchvision_transforms, torchreid_transforms])
def test_input_beside_a_peers_data_loader(benchmark, files, data, peer):
    ours = Input(data, settings(Sampler(64, None)), 0, torch.device("cpu"))
    loader = DataLoader(Decoding(files, peer()), 64, shuffle=True, drop_last=True, num_workers=os.cpu_count() or 1)
    theirs: list[float] = []

    def time_the_peer() -> None:
        started = time.perf_counter()
        count = sum(len(batch) for batch in loader)
        theirs.append(count / (time.perf_counter() - started))

    def epoch() -> int:
        return sum(len(batch.images) for batch in ours.batches(0, ours.rows(0)))

    assert epoch() == IMAGES
    benchmark.pedantic(epoch, setup=time_the_peer, rounds=ROUNDS, iterations=1)
    if benchmark.stats:
        rate = IMAGES / benchmark.stats.stats.min
        benchmark.extra_info["images_per_second"] = round(rate)
        benchmark.extra_info["images_per_second_of_the_peer"] = round(max(theirs))
        benchmark.extra_info["ratio_to_the_peer"] = round(rate / max(theirs), 2)
        assert rate / max(theirs) > MIN_RATIO_TO_PEER


def test_the_loop_beside_the_bare_step_fed_from_memory(benchmark, data, tmp_path):
    device = os.environ.get("HARNESS_BENCHMARK_DEVICE", "cuda" if torch.cuda.is_available() else "cpu")
    machine = Machine.of(device, bfloat16=True)
    recipe = settings(Sampler(16, 4))
    few = TrainingData(data.images[:577], data.labels[:577], data.cameras[:577])
    method = registry.method("ide")
    model = machine.place(method.build(method.switches(), PEOPLE, "resnet18"))
    batch = next(Input(few, recipe, 0, machine.device).batches(0, [np.arange(64)]))
    optimiser = build_optimiser(model, recipe.optimiser)
    bare: list[float] = []

    def time_the_step() -> None:
        model.train()
        training_step(model, batch, optimiser, machine)
        started = time.perf_counter()
        for _ in range(9):
            # As in the loop, the losses are read once per epoch.
            losses = training_step(model, batch, optimiser, machine)
        float(sum(losses.values()))
        bare.append(9 * 64 / (time.perf_counter() - started))

    looped: list[float] = []

    def epoch() -> None:
        checkpoint = tmp_path / f"{len(looped)}.pt"
        log = train(model, few, recipe, 0, machine, checkpoint, lambda *_: None)
        looped.append(log["images_per_second"][0])

    benchmark.pedantic(epoch, setup=time_the_step, rounds=ROUNDS, iterations=1)
    benchmark.extra_info["images_per_second"] = round(max(looped), 1)
    benchmark.extra_info["images_per_second_of_the_step"] = round(max(bare), 1)
    benchmark.extra_info["ratio_to_the_step"] = round(max(looped) / max(bare), 3)
    assert max(looped) / max(bare) > MIN_RATIO_TO_STEP
