"""Random patch: where patches come from, when they are used, and that nothing else is drawn differently."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from harness.recipe import Augmentation, Erasing, Patch, Sampler
from harness.training.batches import Input, TrainingData
from harness.training.patches import PatchPool
from methods.mdpr import METHOD, MDPRSwitches


def streams(count: int, seed: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng((seed, image)) for image in range(count)]


def numbered(count: int, height: int = 32, width: int = 16) -> torch.Tensor:
    """Images whose every value tells the image and the place that it is from: image + place / 10,000."""
    places = torch.arange(height * width, dtype=torch.float64).reshape(1, 1, height, width) / 10_000
    return torch.arange(count, dtype=torch.float64)[:, None, None, None] + places.repeat(count, 3, 1, 1)


def pasted(images: torch.Tensor) -> list[torch.Tensor]:
    """The bounding box (3, rows, columns) of the changed pixels of each image; empty without changes."""
    found = []
    for before, after in zip(numbered(len(images)), images, strict=True):
        rows, columns = (before != after)[0].nonzero(as_tuple=True)
        box = after[:, rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] if len(rows) else after[:, :0]
        found.append(box)
    return found


def test_a_patch_is_a_whole_rectangle_of_an_image_seen_before_or_of_the_image_itself():
    images = PatchPool(Patch(probability=1.0, flip=0.0, ready=10)).put(numbered(60), streams(60))
    seen = 0
    for number, patch in enumerate(pasted(images)):
        if not patch.numel():
            continue
        seen += 1
        steps = patch[0].diff(dim=1)
        inside = steps[(steps - 1e-4).abs() < 1e-9]
        assert patch[0].floor().max() <= number
        assert inside.numel() >= 0.5 * steps.numel()
    assert seen > 40


def test_pasted_patches_are_mirrored_where_asked():
    images = PatchPool(Patch(probability=1.0, flip=1.0, ready=1)).put(numbered(20), streams(20))
    steps = torch.cat([patch[0].diff(dim=1).flatten() for patch in pasted(images) if patch.numel()])
    assert ((steps + 1e-4).abs() < 1e-9).sum() > 0.5 * len(steps)


def test_no_image_is_changed_before_the_pool_is_ready():
    images = PatchPool(Patch(probability=1.0, ready=30)).put(numbered(60), streams(60))
    changed = (images != numbered(60)).flatten(1).any(1)
    # An image may hold a patch of its own at its own place, and stay as it is.
    assert not changed[:29].any() and changed[29:].float().mean() > 0.9


def test_the_oldest_patch_leaves_a_full_pool():
    pool = PatchPool(Patch(probability=0.0, pool=8))
    pool.put(numbered(50), streams(50))
    assert [int(patch.floor().max()) for patch in pool.patches] == list(range(42, 50))


def test_patches_have_the_stated_area_and_aspect_and_are_not_pasted_images():
    pool = PatchPool(Patch(probability=0.5, area=(0.01, 0.5), aspect=(0.1, 10.0), pool=400, ready=100))
    images = torch.arange(400.0)[:, None, None, None].repeat(1, 3, 64, 32)
    pool.put(images, streams(len(images), 1))
    for number, patch in enumerate(pool.patches):
        rows, columns = patch.shape[1:]
        assert (patch == number).all(), "a patch is taken before another is put over it"
        assert 0.005 < rows * columns / (64 * 32) < 0.52
        # 10 with room for sides that are rounded to whole pixels
        assert 0.05 < rows / columns < 20


def test_the_stated_share_of_images_gets_a_patch():
    images = PatchPool(Patch(probability=0.5, ready=1)).put(numbered(1000), streams(1000))
    assert 0.44 < (images != numbered(1000)).flatten(1).any(1).float().mean() < 0.56


def epoch(augmentation: Augmentation, seed: int = 0, first: int = 0) -> list[torch.Tensor]:
    rng = np.random.default_rng(5)
    data = TrainingData(rng.integers(0, 255, (64, 32, 16, 3)).astype(np.uint8), np.arange(64), np.zeros(64, np.int64))
    recipe = METHOD.recipe(MDPRSwitches(), "synthetic", "demo")
    recipe = replace(recipe, augmentation=augmentation, sampler=Sampler(16, None))
    batches = Input(data, recipe, seed, torch.device("cpu")).batches(0, np.split(np.arange(64), 4), first)
    return [batch.images.clone() for batch in batches]


def test_an_epoch_that_is_resumed_in_its_middle_pastes_the_same_patches():
    augmentation = Augmentation(patch=Patch(ready=20))
    whole, rest = epoch(augmentation), epoch(augmentation, first=2)
    assert len(rest) == 2
    assert all(torch.equal(left, right) for left, right in zip(whole[2:], rest, strict=True))


def test_every_epoch_begins_with_an_empty_pool_so_that_it_can_be_drawn_alone():
    augmentation = Augmentation(patch=Patch(ready=20))
    first, again = epoch(augmentation, seed=1), epoch(augmentation, seed=1)
    assert all(torch.equal(left, right) for left, right in zip(first, again, strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(first, epoch(Augmentation(), seed=1), strict=True))


def test_patches_come_after_erasing_and_leave_what_is_drawn_before_them_alone():
    erasing = Erasing(probability=1.0, fill=(9.0, 9.0, 9.0))
    plain = epoch(Augmentation(erasing=erasing))
    # A pool that is never ready draws places for its patches, and only after all that a batch draws otherwise.
    waiting = epoch(Augmentation(erasing=erasing, patch=Patch(ready=10_000)))
    assert torch.equal(plain[0], waiting[0])
    patched = epoch(Augmentation(erasing=erasing, patch=Patch(probability=1.0, ready=1)))
    assert all((image == 9).any() for image in plain[0])
    assert (patched[0] == 9).sum() < (plain[0] == 9).sum()
