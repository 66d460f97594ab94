"""The input of a training: what it does for a batch without waiting for the device."""

import dataclasses

import numpy as np
import pytest
import torch

from harness import registry
from harness.recipe import PROFILES, Sampler
from harness.runs.contract.waiting import WaitingOperations
from harness.training.batches import Input, TrainingData

HEIGHT, WIDTH = 64, 32
IDENTITIES, IMAGES = 3, 4
RECIPES = [
    method.recipe(method.switches(), "market1501", profile)
    for method in registry.methods().values()
    for profile in PROFILES
]
AUGMENTATIONS = list(dict.fromkeys(recipe.augmentation for recipe in RECIPES))


def data() -> TrainingData:
    """Noise images of 3 identities, every other one infrared, with a prior of each kind."""
    rng = np.random.default_rng(0)
    count = IDENTITIES * IMAGES
    return TrainingData(
        rng.integers(0, 256, (count, HEIGHT, WIDTH, 3), dtype=np.uint8),
        np.repeat(np.arange(IDENTITIES), IMAGES),
        np.ones(count, np.int64),
        {
            "parsing": rng.integers(0, 5, (count, 64, 32)),
            "segmentation": rng.random((count, 64, 32)) > 0.5,
            "keypoints": rng.random((count, 17, 3), dtype=np.float32),
            "infrared": np.arange(count) % 2 == 1,
        },
    )


def batches(augmentation, sampler):
    settings = {"height": HEIGHT, "width": WIDTH, "sampler": sampler, "augmentation": augmentation}
    prepared = Input(data(), dataclasses.replace(RECIPES[0], **settings), 0, torch.device("cpu"))
    return prepared.batches(0, prepared.rows(0))


@pytest.mark.parametrize("augmentation", AUGMENTATIONS, ids=range(len(AUGMENTATIONS)))
def test_a_batch_is_augmented_without_waiting_for_a_value(augmentation):
    with WaitingOperations() as waiting:
        assert list(batches(augmentation, Sampler(2, 2)))
    assert waiting.found == {}


def test_a_batch_knows_how_many_of_its_images_are_infrared():
    for batch in batches(AUGMENTATIONS[0], Sampler(2, 2, infrared_images_per_identity=1)):
        assert batch.infrared_count == int(batch.priors["infrared"].sum()) == 2
