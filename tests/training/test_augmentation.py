"""Batches, augmentation and the loop: what a recipe says is what is done, and a resumed run is the same run."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import BadInput
from harness.recipe import Erasing, Optimiser, Sampler, Schedule, Translation, Warmup
from harness.training.augmentation import (
    KEYPOINT_MIRROR,
    Placement,
    erase,
    normalise,
    place_images,
    place_prior,
    translation_offsets,
)
from harness.training.optimisation import build_optimiser, rate_factor, set_rate
from harness.training.sampler import epoch_batches, iterations_per_epoch
from harness.training.step import in_float32


@settings(deadline=None)
@given(st.integers(3, 9), st.integers(1, 6), st.integers(0, 5))
def test_a_batch_holds_distinct_identities_with_the_same_number_of_images(people, images, seed):
    labels = np.repeat(np.arange(people), 4)
    for batch in epoch_batches(labels, Sampler(3, images), seed, epoch=1):
        chosen, counts = np.unique(labels[batch], return_counts=True)
        assert len(chosen) == 3
        assert set(counts) == {images}


def test_an_identity_gives_all_its_images_before_one_comes_again():
    labels = np.repeat([0, 1], 6)
    batches = epoch_batches(labels, Sampler(2, 3), seed=0, epoch=0)
    assert len(batches) == 1
    batches = epoch_batches(np.repeat([0, 1], 13), Sampler(2, 3), seed=0, epoch=0)
    first_person = np.concatenate([batch[batch < 13] for batch in batches])
    assert len(set(first_person[:12])) == 12


def test_fewer_images_than_asked_are_repeated():
    labels = np.array([0, 1, 1, 1, 1, 1, 1])
    (batch,) = epoch_batches(labels, Sampler(2, 3), seed=0, epoch=0)
    assert (batch == 0).sum() == 3


def test_mpn_counts_1347_iterations_on_the_fivefold_market_training_set():
    assert iterations_per_epoch(5 * 12_936, Sampler(6, 8)) == 1347


def test_plain_batches_visit_each_image_at_most_once_an_epoch():
    batches = epoch_batches(np.zeros(10, np.int64), Sampler(4, None), seed=1, epoch=0)
    rows = np.concatenate(batches)
    assert len(rows) == len(set(rows)) == 8


def test_epochs_and_seeds_draw_differently_and_the_same_epoch_draws_the_same():
    labels = np.repeat(np.arange(6), 5)

    def drawn(seed, epoch):
        return np.concatenate(epoch_batches(labels, Sampler(3, 2), seed, epoch)).tolist()

    assert drawn(0, 0) == drawn(0, 0)
    assert drawn(0, 0) != drawn(0, 1)
    assert drawn(0, 0) != drawn(1, 0)


def test_too_few_identities_for_a_batch_is_said():
    with pytest.raises(BadInput, match="2 identities and a batch needs 3"):
        epoch_batches(np.repeat([0, 1], 4), Sampler(3, 2), 0, 0)


def placement(flipped, rows=0.0, columns=0.0):
    return Placement(np.array([flipped]), np.array([[rows, columns]]))


def test_a_shift_moves_pixels_down_and_right_and_fills_with_black():
    image = torch.arange(1, 13, dtype=torch.uint8).reshape(1, 4, 3, 1)
    moved = place_images(image, placement(False, rows=0.25, columns=1 / 3))[0, :, :, 0]
    assert moved.tolist() == [[0, 0, 0], [0, 1, 2], [0, 4, 5], [0, 7, 8]]


def test_flip_then_shift_equals_one_image_at_a_time():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (5, 8, 6, 3)).astype(np.uint8)
    flipped = np.array([True, False, True, True, False])
    shift = rng.uniform(-0.3, 0.3, (5, 2))
    placed = place_images(torch.from_numpy(images), Placement(flipped, shift)).numpy()
    for index in range(5):
        expected = np.zeros_like(images[index])
        source = images[index][:, ::-1] if flipped[index] else images[index]
        down, right = round(shift[index, 0] * 8), round(shift[index, 1] * 6)
        for row in range(8):
            for column in range(6):
                if 0 <= row - down < 8 and 0 <= column - right < 6:
                    expected[row, column] = source[row - down, column - right]
        assert (placed[index] == expected).all()


def test_priors_follow_their_image():
    parsing = torch.tensor([[[1, 0, 0, 0], [3, 0, 0, 4]]])
    assert place_prior("parsing", parsing, placement(True)).tolist() == [[[0, 0, 0, 1], [3, 0, 0, 4]]]
    mask = torch.tensor([[[True, False], [True, True]]])
    assert place_prior("segmentation", mask, placement(True)).tolist() == [[[False, True], [True, True]]]
    assert place_prior("segmentation", mask, placement(False, rows=0.5)).tolist() == [[[False, False], [True, False]]]


def test_flipped_keypoints_change_sides_and_move_with_the_shift():
    keypoints = torch.rand(1, 17, 3, dtype=torch.float64)
    placed = place_prior("keypoints", keypoints, placement(True, rows=0.1, columns=0.2))
    left_wrist, right_wrist = 9, 10
    assert KEYPOINT_MIRROR[left_wrist] == right_wrist
    expected = torch.tensor([1 - keypoints[0, right_wrist, 0] + 0.2, keypoints[0, right_wrist, 1] + 0.1])
    assert torch.allclose(placed[0, left_wrist, :2], expected)
    assert placed[0, left_wrist, 2] == keypoints[0, right_wrist, 2]


def test_translated_copies_keep_the_original_and_stay_within_the_fraction():
    offsets = translation_offsets(50, Translation(copies=4, fraction=0.05), seed=3)
    assert offsets.shape == (50, 5, 2)
    assert not offsets[:, 0].any()
    assert 0.045 < abs(offsets).max() <= 0.05
    assert (offsets == translation_offsets(50, Translation(4, 0.05), seed=3)).all()


def test_normalised_images_have_imagenet_statistics_and_channels_last_memory():
    grey = torch.full((1, 2, 2, 3), 255, dtype=torch.uint8)
    image = normalise(grey)
    assert torch.allclose(
        image[0, :, 0, 0], torch.tensor([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])
    )
    assert image.is_contiguous(memory_format=torch.channels_last)


def streams(count):
    return [np.random.default_rng(image) for image in range(count)]


def test_erasing_fills_one_rectangle_of_the_stated_area_and_aspect():
    settings = Erasing(probability=1.0, fill=(7.0, 8.0, 9.0))
    images = erase(torch.zeros(200, 3, 64, 32), settings, streams(200))
    for image in images:
        erased = image[0] == 7
        rows, columns = erased.any(1).sum().item(), erased.any(0).sum().item()
        assert erased.sum() == rows * columns > 0
        assert 0.01 < rows * columns / (64 * 32) < 0.45
        assert 0.2 < rows / columns < 4.5
        assert (image[:, erased] == torch.tensor([7.0, 8.0, 9.0])[:, None]).all()


def test_erasing_leaves_the_stated_share_alone():
    images = erase(torch.zeros(1000, 3, 16, 8), Erasing(probability=0.5, fill=(1, 1, 1)), streams(1000))
    assert 0.44 < (images.flatten(1).sum(1) > 0).float().mean() < 0.56


def rates(schedule: Schedule, epochs: int, iterations: int) -> list[float]:
    """The factor of every iteration of a training."""
    return [
        round(rate_factor(schedule, epochs, epoch, iteration, iterations), 6)
        for epoch in range(epochs)
        for iteration in range(iterations)
    ]


def test_the_rate_warms_up_linearly_and_falls_at_milestones():
    schedule = Schedule(milestones=(3, 4), gamma=0.1, warmup=Warmup(2, start=0.1))
    assert rates(schedule, 5, 2) == [0.1, 0.325, 0.55, 0.775, 1, 1, 0.1, 0.1, 0.01, 0.01]


def test_an_exponential_warm_up_multiplies_by_the_same_at_every_iteration():
    schedule = Schedule(warmup=Warmup(2, start=0.001, shape="exponential"))
    found = rates(schedule, 3, 3)
    assert found[0] == 0.001 and found[6:] == [1, 1, 1]
    assert found[:6] == pytest.approx([0.001 ** (1 - step / 6) for step in range(6)], abs=1e-6)


def test_a_warm_up_stepped_by_epoch_is_constant_within_one():
    # DDAG: 0.1 (e + 1) / 10 of the rate in the first ten epochs.
    schedule = Schedule(warmup=Warmup(9, start=0.1, each_epoch=True))
    assert rates(schedule, 11, 2) == [round(min(1.0, (epoch + 1) / 10), 6) for epoch in range(11) for _ in range(2)]


def test_the_cosine_begins_in_the_epoch_after_the_warm_up_and_ends_at_its_floor():
    # MDPR in small: 5 iterations of warm-up take 2.5 epochs of 2, the cosine's four steps epochs 4 to 7.
    schedule = Schedule(warmup=Warmup(5, "iterations", start=0.0), cosine_to=0.2)
    found = rates(schedule, 7, 2)
    assert found[:5] == [0, 0.2, 0.4, 0.6, 0.8]
    expected = [0.2 + 0.8 * (1 + math.cos(math.pi * step / 4)) / 2 for step in range(1, 5)]
    assert found[5:] == pytest.approx([1, *[value for value in expected for _ in range(2)]], abs=1e-6)
    assert found[-2:] == [0.2, 0.2]


@pytest.mark.parametrize(("warmup", "epochs", "iterations"), [(2000, 60, 50), (2000, 60, 64), (200, 40, 33), (5, 7, 2)])
def test_the_cosine_steps_when_pytorch_s_does_that_is_stepped_after_each_warmed_up_epoch(warmup, epochs, iterations):
    # As MDPR's authors do on Market-1501, DukeMTMC-reID and SynergyReID: 1e-7 in the last epoch of each.
    schedule = Schedule(warmup=Warmup(warmup, "iterations", start=0.1), cosine_to=1e-7 / 3.5e-4)
    parameter = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.SGD([parameter], lr=3.5e-4)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs - math.ceil(warmup / iterations), 1e-7)
    rate = 0.0
    for epoch in range(epochs):
        if epoch * iterations >= warmup:
            rate = 3.5e-4 * rate_factor(schedule, epochs, epoch, 0, iterations)
            assert rate == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-5)
        optimiser.step()
        if (epoch + 1) * iterations + 1 > warmup:
            cosine.step()
    assert rate == pytest.approx(1e-7)


def test_a_multiplier_scales_the_rate_of_its_parameters_only():
    model = torch.nn.ModuleDict({"trunk": torch.nn.Linear(2, 2), "head": torch.nn.Linear(2, 2)})
    optimiser = build_optimiser(model, Optimiser(rate=0.05, multipliers=(("trunk", 0.1),)))
    set_rate(optimiser, 0.5)
    rates = {id(p): group["lr"] for group in optimiser.param_groups for p in group["params"]}
    assert rates[id(model["trunk"].weight)] == pytest.approx(0.05)
    assert rates[id(model["head"].weight)] == pytest.approx(0.5)
    with pytest.raises(BadInput, match="'neck'"):
        build_optimiser(model, Optimiser(multipliers=(("neck", 2.0),)))


def test_losses_see_float32_whatever_holds_the_features():
    half = torch.ones(2, dtype=torch.bfloat16)
    seen = in_float32({"a": [half, half.long()], "b": (half,)})
    assert seen["a"][0].dtype == seen["b"][0].dtype == torch.float32
    assert seen["a"][1].dtype == torch.int64
