"""What the checks share: a cache of their own, made-up photographs, and the table of speeds at the end."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.speed import (
    HEIGHT,
    IMAGES,
    PEOPLE,
    WIDTH,
    Comparison,
    Other,
    Seconds,
    compared,
    machine_line,
    table,
)
from harness.machine.memory import keep_freed_memory, new_tensors
from harness.machine.precision import bfloat16_helps
from harness.training.batches import TrainingData
from harness.training.machine import Machine

DEVICE = os.environ.get("HARNESS_BENCHMARK_DEVICE", "cuda" if torch.cuda.is_available() else "cpu")
LINES = pytest.StashKey[list[Comparison]]()


@pytest.fixture(autouse=True)
def own_cache_folder(tmp_path_factory, monkeypatch):
    """No check writes to the user's cache; what one drew or decoded, others may read."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session", autouse=True)
def memory_of_a_run():
    """Memory is handled as in a run, for peers as well."""
    keep_freed_memory()
    with new_tensors(filled=False):
        yield


@pytest.fixture(scope="session")
def machine() -> Machine:
    """The device, in the precision that the command would choose."""
    return Machine.of(DEVICE, bfloat16_helps(DEVICE))


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> list[Path]:
    """JPEG files of the size of Market-1501's images, smooth enough to compress like photographs."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    paths = [folder / f"{number:04}.jpg" for number in range(IMAGES)]
    for path in paths:
        coarse = Image.fromarray(rng.integers(0, 256, (16, 8, 3), np.uint8))
        coarse.resize((64, 128), Image.Resampling.BICUBIC).save(path, quality=90)
    return paths


@pytest.fixture(scope="session")
def data(files, tmp_path_factory) -> TrainingData:
    """The same images, decoded once into a mapped file, as in ``harness.datasets.images``."""
    kept = tmp_path_factory.mktemp("cache") / "train.npy"
    decoded = [np.asarray(Image.open(file).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)) for file in files]
    np.save(kept, np.stack(decoded))
    labels = np.arange(IMAGES) % PEOPLE
    return TrainingData(np.load(kept, mmap_mode="r"), labels, np.zeros(IMAGES, np.int64))


@pytest.fixture
def compare(request):
    """Times our work and others' in turns, keeps the lines for the table, and fails where a ratio falls short."""
    lines = request.config.stash.setdefault(LINES, [])

    def compare(what: str, ours: Seconds, others: Sequence[Other], turns: int, per_image: bool) -> None:
        found = compared(what, ours, others, turns, per_image)
        lines.extend(found)
        short = [" ".join(line.cells) for line in found if line.falls_short]
        assert not short, "; ".join(short)

    return compare


def pytest_terminal_summary(terminalreporter, config):
    lines = config.stash.get(LINES, [])
    if lines:
        terminalreporter.section("speed")
        terminalreporter.write_line(machine_line(DEVICE, bfloat16_helps(DEVICE)))
        terminalreporter.write_line("ratio: our speed divided by theirs, median of turns\n")
        terminalreporter.write_line(table(lines))
