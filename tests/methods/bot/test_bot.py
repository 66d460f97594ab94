"""BoT: its tricks, its centre loss against loops, its cost against what peers were measured at."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from harness.errors import BadInput
from harness.losses import CentreLoss
from harness.measure import count_operations, count_parameters
from harness.models.reid import Batch
from harness.recipe import Optimiser
from harness.training.optimisation import rate_factor
from methods.bot import METHOD, BoTSwitches
from methods.bot.losses import CENTRE_WEIGHT

BASELINE = BoTSwitches(False, False, False, 2, False, False)


def build(switches=BoTSwitches()):  # noqa: B008
    torch.manual_seed(0)
    return METHOD.build(switches, 4, "resnet10")


def batch_of(images=8):
    torch.manual_seed(1)
    labels = torch.arange(images) // 2
    return Batch(torch.randn(images, 3, 64, 32), labels, torch.zeros(images), torch.arange(images))


def test_cost_at_the_papers_size_is_what_fast_reid_was_measured_at():
    with torch.device("meta"):
        model = METHOD.build(BoTSwitches(), 751, "resnet50")
    parameters = count_parameters(model, 256, 128)
    assert parameters["training_without_classifiers"] / 1e6 == pytest.approx(23.51, abs=0.005)
    assert count_operations(model, 256, 128)["macs"] / 1e9 == pytest.approx(4.05, abs=0.01)


def test_the_neck_stands_between_the_metric_losses_and_the_classifier():
    model, batch = build().train(), batch_of()
    features = model(batch)
    normalised = torch.nn.functional.batch_norm(features.f_t, None, None, training=True)
    torch.testing.assert_close(features.logits, model.classifier(normalised), rtol=1e-4, atol=1e-5)
    assert model.classifier.bias is None and not model.neck.bias.requires_grad and model.neck.bias.abs().max() == 0
    without = build(replace(BoTSwitches(), bnneck=False)).train()
    features = without(batch)
    torch.testing.assert_close(features.logits, without.classifier(features.f_t))


def test_a_last_stride_of_1_keeps_twice_the_rows_and_columns_with_the_same_parameters():
    fine, coarse = build(), build(replace(BoTSwitches(), last_stride=2))
    images = torch.zeros(1, 3, 192, 64)
    assert fine.trunk.eval()(images).shape[2:] == (12, 4) and coarse.trunk.eval()(images).shape[2:] == (6, 2)
    assert [p.shape for p in fine.parameters()] == [p.shape for p in coarse.parameters()]


@given(seed=st.integers(0, 10_000), labels=st.lists(st.integers(0, 3), min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_centre_loss_and_its_centres_agree_with_their_equations(seed, labels):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(len(labels), 3, generator=generator)
    module = CentreLoss(4, 3)
    module.centres.copy_(torch.randn(4, 3, generator=generator))
    before = module.centres.clone()
    expected = sum(float((features[i] - before[k]).square().sum()) for i, k in enumerate(labels)) / 2
    assert module.train()(features, torch.tensor(labels)).item() == pytest.approx(expected, rel=1e-4, abs=1e-5)
    for identity in range(4):
        members = [i for i, label in enumerate(labels) if label == identity]
        delta = sum((before[identity] - features[i] for i in members), torch.zeros(3)) / (1 + len(members))
        torch.testing.assert_close(module.centres[identity], before[identity] - 0.5 * delta)


def test_released_centres_move_as_sgd_moves_them_along_the_mean_squared_distance():
    torch.manual_seed(0)
    features, labels = torch.randn(6, 3), torch.tensor([0, 0, 0, 1, 1, 2])
    module = CentreLoss(4, 3, released=True)
    centres = torch.nn.Parameter(module.centres.clone())
    loss = torch.cdist(features, centres).square()[torch.arange(6), labels].mean()
    loss.backward()
    torch.optim.SGD([centres], lr=0.5).step()
    torch.testing.assert_close(module(features, labels), loss.detach())
    torch.testing.assert_close(module.centres, centres.detach())


def test_centres_rest_in_evaluation_and_are_part_of_a_checkpoint():
    module = CentreLoss(2, 3).eval()
    module(torch.ones(2, 3), torch.tensor([0, 1]))
    assert module.centres.abs().max() == 0 and list(module.state_dict()) == ["centres"]


def batch_hard_by_a_loop(features, labels, margin):
    """Mean over anchors of the farthest image of the same identity less the nearest of another, plus the margin."""
    total = 0.0
    for anchor, identity in zip(features, labels, strict=True):
        distances = [math.dist(anchor.tolist(), other.tolist()) for other in features]
        positive = max(d for d, label in zip(distances, labels, strict=True) if label == identity)
        negative = min(d for d, label in zip(distances, labels, strict=True) if label != identity)
        total += max(0.0, positive - negative + margin)
    return total / len(labels)


def test_identity_loss_is_smoothed_by_a_tenth_and_the_triplet_loss_has_margin_0_3_in_front_of_the_neck():
    model, batch = build().train(), batch_of()
    torch.nn.init.normal_(model.classifier.weight)
    features = model(batch)
    losses = model.losses(features, batch)
    torch.testing.assert_close(losses["id"], F.cross_entropy(features.logits, batch.labels, label_smoothing=0.1))
    expected = batch_hard_by_a_loop(features.f_t.detach(), batch.labels.tolist(), 0.3)
    assert losses["triplet"].item() == pytest.approx(expected, rel=1e-4)
    plain = build(replace(BoTSwitches(), smoothing=False)).losses(features, batch)
    torch.testing.assert_close(plain["id"], F.cross_entropy(features.logits, batch.labels))


def test_each_trick_has_its_term():
    batch = batch_of()
    model = build(BASELINE).train()
    assert list(model.losses(model(batch), batch)) == ["id", "triplet"]
    model = build().train()
    losses = model.losses(model(batch), batch)
    assert list(losses) == ["id", "triplet", "centre"]
    f_t = model.eval()(batch).f_t
    model.centre_loss.centres.zero_()
    # Centres begin at 0: half the squared lengths of the features, weighted.
    expected = CENTRE_WEIGHT * f_t.square().sum() / 2
    torch.testing.assert_close(model.losses(model(batch), batch)["centre"], expected)


def test_the_paper_profile_is_as_printed():
    recipe = METHOD.recipe(BoTSwitches(), "market1501", "paper")
    assert (recipe.backbone, recipe.height, recipe.width, recipe.epochs) == ("resnet50", 256, 128, 120)
    assert (recipe.sampler.identities, recipe.sampler.images_per_identity) == (16, 4)
    assert recipe.optimiser == Optimiser("adam", rate=3.5e-4, weight_decay=5e-4)
    assert recipe.augmentation.padding == 10 and recipe.augmentation.erasing.area == (0.02, 0.4)
    rates = [
        recipe.optimiser.rate * rate_factor(recipe.schedule, 120, epoch, 5, 100) for epoch in (0, 4, 9, 39, 40, 69, 70)
    ]
    assert rates == pytest.approx([3.5e-5, 1.75e-4, 3.5e-4, 3.5e-4, 3.5e-5, 3.5e-5, 3.5e-6])
    assert not recipe.flip_test


def test_the_standard_baseline_has_neither_warm_up_nor_erasing():
    recipe = METHOD.recipe(BASELINE, "market1501", "paper")
    assert recipe.schedule.warmup is None and recipe.augmentation.erasing is None


@pytest.mark.parametrize("values", [{"warmup": 1}, {"last_stride": 3}, {"last_stride": True}, {"bnneck": "yes"}])
def test_values_that_are_none_are_refused_in_one_line(values):
    with pytest.raises(BadInput, match=r"^row 1: .+$"):
        METHOD.parse(values, "row 1")
