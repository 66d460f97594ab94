"""Losses against their equations, in loops and on numbers worked by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.losses import (
    batch_hard_triplet,
    cosine_distance,
    identity_loss,
    pairwise_cosine_distance,
    pairwise_euclidean_distance,
)


def loop_cosine(a, b) -> float:
    a, b = a.tolist(), b.tolist()
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return 1 - dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))


def loop_triplet(features, labels, margin, mean_over="violating") -> float:
    """MPN, Eq. 3, image by image; with ``anchors`` the mean over all that have a negative."""
    terms = []
    for anchor, own in enumerate(labels):
        distances = [
            (loop_cosine(features[anchor], f), label == own) for f, label in zip(features, labels, strict=True)
        ]
        positives = [distance for distance, same in distances if same]
        negatives = [distance for distance, same in distances if not same]
        if negatives:
            gap = max(positives) - min(negatives)
            terms.append(math.log1p(math.exp(gap)) if margin == "soft" else max(0.0, gap + margin))
    active = [term for term in terms if term > 1e-7 or mean_over == "anchors"]
    return sum(active) / len(active) if active else 0.0


def test_cosine_distance_of_known_angles():
    a = torch.tensor([1.0, 0.0])
    others = torch.tensor([[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0], [1.0, 1.0]])
    expected = torch.tensor([0.0, 1.0, 2.0, 1 - math.sqrt(0.5)])
    torch.testing.assert_close(cosine_distance(a.expand(4, 2), others), expected)
    torch.testing.assert_close(pairwise_cosine_distance(torch.cat([a[None], others]))[0, 1:], expected)


def test_mixed_precision_does_not_reach_the_distances():
    torch.manual_seed(0)
    features = torch.randn(8, 64)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = pairwise_cosine_distance(features)
    torch.testing.assert_close(mixed, pairwise_cosine_distance(features), rtol=0, atol=0)


def test_triplet_on_numbers_worked_by_hand():
    # Identities a = {0, 1}, b = {2, 3}; only anchors 0 and 2 violate the margin of 0.2.
    distances = torch.tensor([[0.0, 0.5, 0.4, 0.9], [0.5, 0.0, 0.9, 0.9], [0.4, 0.9, 0.0, 0.3], [0.9, 0.9, 0.3, 0.0]])
    # 0: 0.5 - 0.4 + 0.2 = 0.3; 1: 0.5 - 0.9 < -0.2; 2: 0.3 - 0.4 + 0.2 = 0.1; 3: 0.3 - 0.9 < -0.2.
    labels = torch.tensor([0, 0, 1, 1])
    assert batch_hard_triplet(distances, labels, 0.2, "violating").item() == pytest.approx((0.3 + 0.1) / 2)
    assert batch_hard_triplet(distances, labels, 0.2).item() == pytest.approx((0.3 + 0.1) / 4)


def test_triplet_is_zero_with_a_zero_gradient_when_nothing_violates():
    features = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], requires_grad=True)
    loss = batch_hard_triplet(pairwise_cosine_distance(features), torch.tensor([0, 0, 1, 1]), 0.2)
    loss.backward()
    assert loss.item() == 0 and features.grad.abs().max() == 0


def test_a_batch_of_one_identity_forms_no_triplet():
    features = torch.randn(4, 3, requires_grad=True)
    loss = batch_hard_triplet(pairwise_cosine_distance(features), torch.zeros(4, dtype=torch.int64), 0.2)
    loss.backward()
    assert loss.item() == 0 and torch.isfinite(features.grad).all()


@given(
    seed=st.integers(0, 10_000),
    labels=st.lists(st.integers(0, 3), min_size=2, max_size=8),
    margin=st.sampled_from([0.0, 0.2, 0.5, "soft"]),
    mean_over=st.sampled_from(["anchors", "violating"]),
)
@settings(max_examples=40, deadline=None)
def test_triplet_agrees_with_the_equation_in_loops(seed, labels, margin, mean_over):
    features = torch.randn(len(labels), 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).float()
    loss = batch_hard_triplet(pairwise_cosine_distance(features), torch.tensor(labels), margin, mean_over)
    assert loss.item() == pytest.approx(loop_triplet(features, labels, margin, mean_over), abs=1e-5)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_triplet_does_not_depend_on_the_order_of_the_batch(seed):
    generator = torch.Generator().manual_seed(seed)
    features, labels = torch.randn(12, 5, generator=generator), torch.arange(12) // 4
    order = torch.randperm(12, generator=generator)
    loss = batch_hard_triplet(pairwise_cosine_distance(features), labels, 0.2)
    permuted = batch_hard_triplet(pairwise_cosine_distance(features[order]), labels[order], 0.2)
    assert permuted.item() == pytest.approx(loss.item(), abs=1e-6)


def test_identity_loss_is_averaged_over_images_and_summed_over_classifiers():
    # Logits (0, 0) give ln 2; logits (ln 3, 0) give -ln(3/4) for the first class and -ln(1/4) for the second.
    even, uneven = torch.zeros(2, 2), torch.tensor([[math.log(3), 0.0], [math.log(3), 0.0]])
    expected = math.log(2) + (-math.log(0.75) - math.log(0.25)) / 2
    assert identity_loss([even, uneven], torch.tensor([0, 1])).item() == pytest.approx(expected)


def test_label_smoothing_moves_a_share_of_the_weight_to_all_identities():
    # Logits (ln 3, 0): probabilities 3/4 and 1/4; smoothing 0.2 over 2 classes weighs them 0.9 and 0.1.
    expected = -0.9 * math.log(0.75) - 0.1 * math.log(0.25)
    logits = torch.tensor([[math.log(3), 0.0]])
    assert identity_loss([logits], torch.tensor([0]), smoothing=0.2).item() == pytest.approx(expected)


def test_euclidean_distance_of_a_three_four_five_triangle_and_of_equal_rows():
    features = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0]], requires_grad=True)
    distances = pairwise_euclidean_distance(features)
    torch.testing.assert_close(distances, torch.tensor([[0.0, 5, 5], [5, 0, 0], [5, 0, 0]]), atol=1e-5, rtol=0)
    distances.sum().backward()
    assert torch.isfinite(features.grad).all()
