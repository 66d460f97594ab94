"""Extraction of test features, beside the bare forward passes that it needs and beside torchreid's.

The harness embeds each image and its mirror, torchreid the image alone.
"""

import os
import time

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from benchmarks import peers
from benchmarks.speed import HEIGHT, PEOPLE, WIDTH, Other, synchronise
from harness import registry
from harness.runs.features import BATCH, extract
from harness.training.world import World

pytestmark = pytest.mark.speed
COUNT = 4 * BATCH


@torch.inference_mode()
def bare_passes(model, images, machine):
    """Two passes per image, as its features with and without flip need."""
    model.eval()
    for _ in range(2 * COUNT // BATCH):
        with machine.autocast():
            model.embed(images)
    synchronise(machine.device)


def test_extraction(compare, files, data, machine):
    method = registry.method("ide")
    torch.manual_seed(0)
    model = machine.place(method.build(method.switches(), PEOPLE, "resnet18"))
    pixels, _ = peers.noise(BATCH, HEIGHT, WIDTH, PEOPLE, machine.device)
    pixels = pixels.to(memory_format=torch.channels_last)
    engine = peers.torchreid_engine(18, PEOPLE, machine.device) if peers.installed("torchreid") else None

    def timed(work):
        def turn():
            started = time.perf_counter()
            work()
            return (time.perf_counter() - started) / COUNT

        return turn

    def theirs():
        dataset = peers.Decoding(files[:COUNT], peers.torchreid_transforms(HEIGHT, WIDTH)[1])
        features = peers.torchreid_features(engine, DataLoader(dataset, BATCH, num_workers=os.cpu_count() or 1))
        assert len(features) == COUNT

    bare = timed(lambda: bare_passes(model, pixels, machine))
    others = [
        Other("limit", "two bare forward passes per image", bare),
        Other("peer", "torchreid's extraction, one pass", timed(theirs) if engine else None, turns=2),
    ]
    images = np.asarray(data.images[:COUNT])
    bare()
    compare(
        "extraction, ResNet-18", timed(lambda: extract(model, images, {}, machine, World())), others, 5, per_image=True
    )
