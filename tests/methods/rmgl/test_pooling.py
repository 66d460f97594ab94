"""Activation balanced pooling (RMGL, Sec. III-C) against a loop written from the prose."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import BadInput
from methods.rmgl.pooling import balanced_boundaries, balanced_pooling, even_pooling


def loop_boundaries(features: torch.Tensor, parts: int) -> list[int]:
    """The prose, for one image (C, H, W): votes, histogram, quotas, boundaries."""
    channels, height, width = features.shape
    votes = [0] * height
    for channel in range(channels):
        best, row_of_best = 0.0, None
        for row in range(height):
            for column in range(width):
                if float(features[channel, row, column]) > best:
                    best, row_of_best = float(features[channel, row, column]), row
        if row_of_best is not None:
            votes[row_of_best] += 1
    total = sum(votes)
    boundaries = [0]
    for part in range(1, parts):
        if total:
            quota = math.ceil(part * total / parts)
            chosen = max(row for row in range(height + 1) if sum(votes[:row]) <= quota)
        else:
            chosen = part * height // parts
        boundaries.append(min(max(chosen, boundaries[-1] + 1), height - (parts - part)))
    return [*boundaries, height]


@given(
    seed=st.integers(0, 10_000),
    channels=st.integers(1, 12),
    height=st.integers(1, 9),
    width=st.integers(1, 3),
    parts=st.integers(1, 4),
    levels=st.integers(1, 4),
)
@settings(max_examples=80, deadline=None)
def test_balanced_pooling_agrees_with_a_loop_written_from_the_prose(seed, channels, height, width, parts, levels):
    # Few levels make ties, level 0 channels without a vote; few rows make stripes that would be empty.
    height = max(height, parts)
    generator = torch.Generator().manual_seed(seed)
    features = torch.randint(0, levels, (3, channels, height, width), generator=generator).float()
    found = balanced_boundaries(features, parts)
    largest = balanced_pooling(features, parts, "max")
    average = balanced_pooling(features, parts, "avg")
    for image in range(3):
        expected = loop_boundaries(features[image], parts)
        assert found[image].tolist() == expected
        for part in range(parts):
            stripe = features[image, :, expected[part] : expected[part + 1]].flatten(1)
            torch.testing.assert_close(largest[part][image], stripe.max(1).values)
            torch.testing.assert_close(average[part][image], stripe.mean(1))


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_even_stripes_are_of_one_height_from_the_top(pooling):
    features = torch.randn(2, 4, 12, 3)
    for part, found in enumerate(even_pooling(features, 3, pooling)):
        stripe = features[:, :, 4 * part : 4 * part + 4].flatten(2)
        torch.testing.assert_close(found, stripe.max(2).values if pooling == "max" else stripe.mean(2))


def test_without_a_vote_stripes_are_even():
    # Nothing is above 0, so nothing votes; and no two stripes have the same maxima.
    silent = -torch.rand(1, 5, 12, 4)
    assert balanced_boundaries(silent, 3).tolist() == [[0, 4, 8, 12]]
    for balanced, even in zip(balanced_pooling(silent, 3, "max"), even_pooling(silent, 3, "max"), strict=True):
        assert torch.equal(balanced, even)


@pytest.mark.parametrize(("row", "expected"), [(0, [0, 1, 2, 3, 8]), (7, [0, 5, 6, 7, 8]), (3, [0, 3, 4, 5, 8])])
def test_a_row_that_holds_all_votes_leaves_no_stripe_empty(row, expected):
    features = torch.zeros(1, 6, 8, 2)
    features[:, :, row] = 1
    assert balanced_boundaries(features, 4).tolist() == [expected]


def test_equal_activations_count_for_the_first_in_reading_order():
    # Three channels: all of them equal in rows 1 and 4; so all votes are row 1's.
    features = torch.zeros(1, 3, 6, 2)
    features[:, :, 1] = features[:, :, 4] = 2.0
    assert balanced_boundaries(features, 2).tolist() == [[0, 1, 6]]


def test_stripes_hold_equal_shares_of_a_known_histogram():
    # One channel a row in rows 0-2, three in row 3: six votes, of which half are above row 3.
    features = torch.zeros(1, 6, 8, 1)
    for channel, row in enumerate([0, 1, 2, 3, 3, 3]):
        features[0, channel, row] = 1
    assert balanced_boundaries(features, 2).tolist() == [[0, 3, 8]]


def test_fewer_rows_than_stripes_are_refused():
    with pytest.raises(BadInput, match="2 rows cannot be divided into 3 stripes"):
        balanced_boundaries(torch.zeros(1, 3, 2, 2), 3)


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_no_gradient_comes_through_the_boundaries_and_all_of_it_through_the_stripes(pooling):
    features = torch.rand(2, 4, 6, 3, requires_grad=True)
    torch.stack(balanced_pooling(features, 2, pooling)).sum().backward()
    assert features.grad.sum().item() == pytest.approx(2 * 4 * 2)
