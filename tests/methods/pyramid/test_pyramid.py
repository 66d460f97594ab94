"""Pyramid: its 21 branches, its dynamic training against loops, its parameters against MPN's Table 9."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import BadInput
from harness.measure import count_parameters
from harness.models.reid import Batch
from harness.recipe import Optimiser
from methods.pyramid import METHOD, PyramidSwitches
from methods.pyramid.losses import DynamicTraining, triplet_loss
from methods.pyramid.model import BRANCHES


def build(switches=PyramidSwitches()):  # noqa: B008
    torch.manual_seed(0)
    return METHOD.build(switches, 4, "resnet10")


def batch_of(images=8):
    torch.manual_seed(1)
    labels = torch.arange(images) // 2
    return Batch(torch.randn(images, 3, 192, 64), labels, torch.zeros(images), torch.arange(images))


def test_parameters_without_classifiers_are_those_of_mpns_table_9():
    with torch.device("meta"):
        model = METHOD.build(PyramidSwitches(), 751, "resnet50")
    counts = count_parameters(model, 384, 128)
    assert counts["training_without_classifiers"] == counts["inference"] == 29_021_120


def test_there_is_a_branch_for_every_run_of_neighbouring_stripes():
    assert len(BRANCHES) == len(set(BRANCHES)) == 21
    assert set(BRANCHES) == {(first, after) for first in range(6) for after in range(first + 1, 7)}


def test_a_branch_reduces_the_mean_plus_the_maximum_of_its_rows():
    model = build().eval()
    features = torch.randn(2, model.trunk.channels, 12, 4)
    model.trunk.forward = lambda images: features
    spans = [features[:, :, 2 * first : 2 * after] for first, after in BRANCHES]
    expected = [
        branch(span.mean((2, 3)) + span.amax((2, 3))) for branch, span in zip(model.branches, spans, strict=True)
    ]
    torch.testing.assert_close(model.embed(torch.zeros(2, 3, 192, 64))["feature"], torch.cat(expected, 1))


@given(
    steps=st.lists(
        st.tuples(st.floats(0.01, 60, allow_nan=False), st.floats(0.01, 2, allow_nan=False)), min_size=1, max_size=12
    )
)
@settings(max_examples=40, deadline=None)
def test_the_triplet_loss_takes_part_as_the_focal_measures_say(steps):
    module, means = DynamicTraining(), None
    for step in steps:
        weight = float(module(*(torch.tensor(value, dtype=torch.float64).float() for value in step)))
        before = means or step
        means = tuple(0.25 * new + 0.75 * old for new, old in zip(step, before, strict=True))
        progress = [min(new, old) / old for new, old in zip(means, before, strict=True)]
        identity, triplet = (-((1 - p) ** 2) * math.log(p) for p in progress)
        if abs(triplet - 0.16 * identity) > 1e-6:
            assert weight == (1.0 if triplet >= 0.16 * identity else 0.0)


def test_a_triplet_loss_at_rest_leaves_a_falling_identity_loss_alone():
    module = DynamicTraining()
    assert float(module(torch.tensor(60.0), torch.tensor(1.0))) == 1
    assert float(module(torch.tensor(20.0), torch.tensor(1.0))) == 0
    assert float(module(torch.tensor(20.0), torch.tensor(0.1))) == 1


def test_the_triplet_loss_compares_all_branches_side_by_side():
    model, batch = build(PyramidSwitches(dynamic=False)).train(), batch_of()
    features = model(batch)
    branches = features.feature.detach().split(128, dim=1)
    labels = batch.labels.tolist()
    total = 0.0
    for anchor, identity in enumerate(labels):
        distances = [
            math.sqrt(sum(float((branch[anchor] - branch[other]).square().sum()) for branch in branches))
            for other in range(len(labels))
        ]
        positive = max(d for d, label in zip(distances, labels, strict=True) if label == identity)
        negative = min(d for d, label in zip(distances, labels, strict=True) if label != identity)
        total += max(0.0, positive - negative + 1.4)
    assert len(branches) == 21
    assert model.losses(features, batch)["triplet"].item() == pytest.approx(total / len(labels), rel=1e-4)
    # An anchor that is 0.4 nearer to its own than to the other is 1.0 short of the margin.
    line = torch.tensor([[0.0], [0.0], [0.4], [0.4]])
    assert triplet_loss(line, torch.tensor([0, 0, 1, 1])).item() == pytest.approx(1.0, abs=1e-3)


def test_losses_are_the_sum_over_branches_and_the_gated_triplet():
    model, batch = build().train(), batch_of()
    features = model(batch)
    first = model.losses(features, batch)
    expected = sum(torch.nn.functional.cross_entropy(each, batch.labels) for each in features.logits)
    torch.testing.assert_close(first["id"], expected)
    assert first["triplet"] > 0
    # As if the identity loss had been far higher until now.
    model.dynamic_training.means.copy_(torch.tensor([1000.0, float(first["triplet"].detach())]))
    assert model.losses(features, batch)["triplet"] == 0
    plain = build(PyramidSwitches(dynamic=False)).train()
    torch.testing.assert_close(plain.losses(features, batch)["triplet"], first["triplet"])


def test_the_paper_profile():
    recipe = METHOD.recipe(PyramidSwitches(), "market1501", "paper")
    assert (recipe.height, recipe.width, recipe.sampler.batch_size) == (384, 128, 64)
    assert recipe.augmentation.erasing is not None
    assert recipe.optimiser == Optimiser("sgd", rate=0.01, momentum=0.9, weight_decay=5e-4)
    assert (recipe.epochs, recipe.schedule.milestones, recipe.schedule.gamma) == (120, (60, 70, 80, 90), 0.5)


def test_a_value_that_is_none_is_refused_in_one_line():
    with pytest.raises(BadInput, match="dynamic must be true or false"):
        METHOD.parse({"dynamic": "yes"}, "row 1")
