"""Crop, colour jitter and random shifting: against their distributions and against torchvision."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torchvision.transforms import functional as peer

from harness.recipe import Augmentation, Jitter, RandomCrop, Sampler, Shifting
from harness.training.augmentation import normalise
from harness.training.batches import Input, TrainingData
from harness.training.pixel_transforms import GREY, crop_box, jitter_colours, shifting_boxes, transform_pixels
from harness.training.seeds import image_streams
from methods.rmgl import METHOD, RMGLSwitches

ALWAYS = Shifting(probability=1.0)
HEIGHT, WIDTH = 384, 128


def noise(images=2, height=24, width=8, seed=0, low=0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(low, 256, (images, height, width, 3), generator=generator).to(torch.uint8)


def rng(seed=0) -> np.random.Generator:
    return np.random.default_rng(seed)


def streams(count=2, seed=0) -> list[np.random.Generator]:
    return [rng(seed + image) for image in range(count)]


# --- random shifting (RMGL, Sec. III-D) ---


@given(
    height=st.integers(1, 60),
    width=st.integers(1, 40),
    crop=st.floats(0.05, 1.0),
    least=st.floats(0.05, 1.0),
    crop_width=st.booleans(),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=200, deadline=None)
def test_shifting_never_leaves_the_frame(height, width, crop, least, crop_width, seed):
    shifting = Shifting(crop_min=crop, height_min=least, width_min=least, crop_width=crop_width)
    for box in shifting_boxes(height, width, shifting, rng(seed)):
        assert box.top >= 0 and box.rows >= 1 and box.top + box.rows <= height
        assert box.left >= 0 and box.columns >= 1 and box.left + box.columns <= width


def drawn(count=4000, **options) -> np.ndarray:
    """Source rows, target rows, target columns, target top and left over what is free; one line a draw."""
    generator, lines = rng(1), []
    for _ in range(count):
        source, target = shifting_boxes(HEIGHT, WIDTH, Shifting(**options), generator)
        free = (HEIGHT - target.rows + 1, WIDTH - target.columns + 1)
        lines.append(
            (source.rows, target.rows, target.columns, (target.top + 0.5) / free[0], (target.left + 0.5) / free[1])
        )
    return np.array(lines).T


def test_sizes_and_places_have_the_printed_distributions():
    source, rows, columns, top, left = drawn()
    # r_c is 1 with probability 1 - p_c, and U(0.7, 1) otherwise.
    cropped = source < HEIGHT
    assert cropped.mean() == pytest.approx(0.5, abs=0.03)
    assert stats.kstest(source[cropped] / HEIGHT, stats.uniform(0.7, 0.3).cdf).statistic < 0.04
    assert stats.kstest(rows[~cropped] / HEIGHT, stats.uniform(0.5, 0.5).cdf).statistic < 0.04
    assert stats.kstest(columns / WIDTH, stats.uniform(0.5, 0.5).cdf).statistic < 0.04
    # r_h ~ U(0.5, 1 / r_c): its place between its bounds is uniform whatever r_c is.
    ratio = source[cropped] / HEIGHT
    place = (rows[cropped] / HEIGHT / ratio - 0.5) / (1 / ratio - 0.5)
    assert stats.kstest(place, stats.uniform.cdf).statistic < 0.04
    for where in (top, left):
        assert stats.kstest(where, stats.uniform.cdf).statistic < 0.04
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 0.05


def test_the_covered_area_has_the_mean_of_its_distribution():
    _, rows, columns, _, _ = drawn()
    # E[r_h r_c] is 0.75 without crop and (0.5 * 0.85 + 1) / 2 = 0.7125 with one; E[r_w] is 0.75.
    expected = 0.75 * (0.5 * 0.75 + 0.5 * 0.7125)
    assert (rows * columns / (HEIGHT * WIDTH)).mean() == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("options", "share"), [({"crop_probability": 0.0}, 0.0), ({"crop_probability": 1.0}, 1.0)])
def test_the_crop_is_as_probable_as_p_c(options, share):
    assert (drawn(300, crop_min=0.5, **options)[0] < HEIGHT - 1).mean() == pytest.approx(share, abs=0.02)


def test_the_lower_bounds_are_those_of_the_sweep():
    _, rows, columns, _, _ = drawn(800, height_min=0.8, width_min=0.2, crop_probability=0.0)
    assert rows.min() / HEIGHT == pytest.approx(0.8, abs=0.01)
    assert columns.min() / WIDTH == pytest.approx(0.2, abs=0.01)


def test_what_is_not_covered_is_grey_and_the_rest_is_the_image_resized():
    image = noise(1, 24, 8, low=200)
    (found,) = transform_pixels(image, Augmentation(shifting=ALWAYS), [rng(3)])
    again = rng(3)
    assert again.random() < 1
    source, target = shifting_boxes(24, 8, ALWAYS, again)
    patch = peer.resize(source.of(image[0]).permute(2, 0, 1), [target.rows, target.columns], antialias=True)
    difference = target.of(found).int() - patch.permute(1, 2, 0).int()
    assert difference.abs().max() <= 1
    outside = torch.ones(24, 8, dtype=torch.bool)
    target.of(outside)[:] = False
    assert outside.any() and (found[outside] == GREY).all()


def test_an_image_is_shifted_with_probability_p():
    images = noise(400, 12, 4, low=200)
    found = transform_pixels(images, Augmentation(shifting=Shifting(probability=0.3)), streams(400))
    moved = (found != images).flatten(1).any(1)
    assert moved.float().mean().item() == pytest.approx(0.3, abs=0.07)
    never = Augmentation(shifting=Shifting(probability=0.0))
    assert torch.equal(transform_pixels(images, never, streams(400)), images)


def test_cropping_the_width_too_is_a_field():
    generator = rng()
    boxes = [
        shifting_boxes(HEIGHT, WIDTH, Shifting(crop_width=True, crop_probability=1.0), generator)[0] for _ in range(50)
    ]
    assert all(box.columns / WIDTH == pytest.approx(box.rows / HEIGHT, abs=0.01) for box in boxes)


# --- crop, and crop-resize-shift (RMGL, Table VI) ---


@given(seed=st.integers(0, 10_000), stretch=st.floats(0.5, 2.0))
@settings(max_examples=60, deadline=None)
def test_a_crop_lies_in_the_image_and_has_the_area_and_aspect_asked_for(seed, stretch):
    box = crop_box(HEIGHT, WIDTH, RandomCrop(area=(0.3, 0.4), aspect=(stretch, stretch)), rng(seed))
    assert box.top >= 0 and box.left >= 0 and box.top + box.rows <= HEIGHT and box.left + box.columns <= WIDTH
    assert 0.29 <= box.rows * box.columns / (HEIGHT * WIDTH) <= 0.41
    assert (box.rows / HEIGHT) / (box.columns / WIDTH) == pytest.approx(stretch, rel=0.02)


def test_the_whole_area_is_the_image_itself():
    images = noise()
    everything = RandomCrop(area=(1.0, 1.0), probability=1.0)
    assert torch.equal(transform_pixels(images, Augmentation(crop=everything), streams()), images)


def test_what_a_shift_after_the_crop_moves_out_is_lost_and_grey_comes_in():
    image = noise(1, 40, 20, low=200)
    crop = RandomCrop(area=(1.0, 1.0), shift=0.2, probability=1.0)
    for seed in range(10):
        (found,) = transform_pixels(image, Augmentation(crop=crop), [rng(seed)])
        grey = (found == GREY).all(2)
        rows, columns = int(grey.all(1).sum()), int(grey.all(0).sum())
        assert rows <= 8 and columns <= 4
        top = 0 if not rows else (rows if grey[0].all() else -rows)
        left = 0 if not columns else (columns if grey[:, 0].all() else -columns)
        expected = torch.full_like(image[0], GREY)
        expected[max(top, 0) : 40 + min(top, 0), max(left, 0) : 20 + min(left, 0)] = image[
            0, max(-top, 0) : 40 - max(top, 0), max(-left, 0) : 20 - max(left, 0)
        ]
        assert torch.equal(found, expected)


# --- colour jitter ---


@pytest.mark.parametrize(
    ("field", "adjust"),
    [
        ("brightness", peer.adjust_brightness),
        ("contrast", peer.adjust_contrast),
        ("saturation", peer.adjust_saturation),
    ],
)
def test_each_colour_change_is_torchvisions(field, adjust):
    images = noise(3)
    found = jitter_colours(images, Jitter(**{field: 0.6}), streams(3, 5))
    names = ("brightness", "contrast", "saturation")
    for image, result, stream in zip(images, found, streams(3, 5), strict=True):
        stream.random()
        factor = [stream.uniform(0.4, 1.6) if name == field else stream.uniform(1, 1) for name in names][
            names.index(field)
        ]
        expected = adjust(image.permute(2, 0, 1), float(factor)).permute(1, 2, 0)
        # torchvision cuts decimals off where we round them.
        assert (result.int() - expected.int()).abs().max() <= 2


def test_jitter_leaves_images_alone_that_are_not_chosen():
    images = noise(200)
    jitter = Jitter(brightness=0.5, contrast=0.5, saturation=0.5, probability=0.25)
    changed = (jitter_colours(images, jitter, streams(200)) != images).flatten(1).any(1)
    assert changed.float().mean().item() == pytest.approx(0.25, abs=0.1)
    assert torch.equal(jitter_colours(images, Jitter(0.5, 0.5, 0.5, probability=0.0), streams(200)), images)


# --- in training ---


@pytest.mark.parametrize(
    "augmentation",
    [Augmentation(crop=RandomCrop()), Augmentation(jitter=Jitter(0.2)), Augmentation(shifting=Shifting())],
)
def test_distorted_images_keep_type_and_size_and_follow_the_seed(augmentation):
    images = noise(6)
    found = transform_pixels(images, augmentation, streams(6, 1))
    assert (found.dtype, found.shape) == (torch.uint8, images.shape)
    assert torch.equal(found, transform_pixels(images, augmentation, streams(6, 1)))
    assert not torch.equal(found, transform_pixels(images, augmentation, streams(6, 2)))


def test_without_any_of_the_three_nothing_is_drawn():
    images, drawn_from = noise(), streams()
    assert transform_pixels(images, Augmentation(), drawn_from) is images
    assert [stream.random() for stream in drawn_from] == [stream.random() for stream in streams()]


def test_training_batches_are_shifted_after_the_flip_and_before_normalising():
    images = noise(8, 192, 64, low=200).numpy()
    data = TrainingData(images, np.arange(8), np.zeros(8, np.int64))
    augmentation = Augmentation(flip=1.0, shifting=ALWAYS)
    recipe = replace(METHOD.recipe(RMGLSwitches(), "synthetic", "demo"), augmentation=augmentation)
    order = np.random.default_rng(0).permutation(8)
    (batch,) = Input(data, replace(recipe, sampler=Sampler(8, None)), 7, torch.device("cpu")).batches(2, [order])
    again = image_streams(7, 2, 0, np.arange(8))
    for stream in again:
        stream.random()  # whether the image is flipped
    mirrored = torch.from_numpy(images[order][:, :, ::-1].copy())
    assert torch.equal(batch.images, normalise(transform_pixels(mirrored, augmentation, again)))
