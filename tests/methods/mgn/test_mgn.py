"""MGN: its branches, what each loss sees, its cost against MPN's Table 9."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from harness.errors import BadInput
from harness.measure import count_operations, count_parameters
from harness.models.backbone import build_backbone
from harness.models.initialisation import load_trunk
from harness.models.reid import Batch
from harness.recipe import Optimiser
from methods.mgn import METHOD, MGNSwitches
from methods.mgn.losses import triplet_loss


def build(backbone="resnet10"):
    torch.manual_seed(0)
    return METHOD.build(MGNSwitches(), 4, backbone)


def batch_of(images=8):
    torch.manual_seed(1)
    labels = torch.arange(images) // 2
    return Batch(torch.randn(images, 3, 192, 64), labels, torch.zeros(images), torch.arange(images))


def test_cost_is_that_of_mpns_table_9():
    with torch.device("meta"):
        model = METHOD.build(MGNSwitches(), 751, "resnet50")
    counts = count_parameters(model, 384, 128)
    assert counts["training_without_classifiers"] == counts["inference"] == 68_807_744
    assert count_operations(model, 384, 128)["macs"] / 1e9 == pytest.approx(11.88, abs=0.01)


def test_branches_part_after_res_conv4_1_and_only_the_global_one_halves_its_map():
    model = build("resnet18").eval()
    assert len(model.trunk.shared.layer3) == 1 and [len(branch.layer3) for branch in model.trunk.branches] == [1, 1, 1]
    maps = model.trunk(torch.zeros(1, 3, 192, 64))
    assert [tuple(each.shape[2:]) for each in maps] == [(6, 2), (12, 4), (12, 4)]


def test_weights_of_one_resnet_start_all_three_branches():
    model, published = build("resnet18"), build_backbone("resnet18")
    report = load_trunk(model, published.state_dict(), "ResNet-18")
    assert report["missing"] == report["unexpected"] == []
    for branch in model.trunk.branches:
        assert torch.equal(branch.layer4[0].conv1.weight, published.layer4[0].conv1.weight)
        assert torch.equal(getattr(branch.layer3, "1").conv1.weight, published.layer3[1].conv1.weight)
    assert torch.equal(model.trunk.shared.layer3[0].conv1.weight, published.layer3[0].conv1.weight)


def test_features_are_maxima_of_whole_maps_then_of_two_and_three_stripes():
    model = build().eval()
    maps = [torch.randn(2, model.trunk.channels, rows, 4) for rows in (6, 12, 12)]
    model.trunk.forward = lambda images: maps
    pooled = [each.amax((2, 3)) for each in maps]
    pooled += [maps[1][:, :, :6].amax((2, 3)), maps[1][:, :, 6:].amax((2, 3))]
    pooled += [maps[2][:, :, 4 * k : 4 * k + 4].amax((2, 3)) for k in range(3)]
    expected = torch.cat([reduce(each) for reduce, each in zip(model.reductions, pooled, strict=True)], 1)
    torch.testing.assert_close(model.embed(torch.zeros(2, 3, 192, 64))["feature"], expected)


def test_global_features_are_classified_before_and_compared_after_reduction():
    with torch.device("meta"):
        model = METHOD.build(MGNSwitches(), 751, "resnet50")
    assert [layer.in_features for layer in model.classifiers()] == [2048] * 3 + [256] * 5
    assert all(layer.bias is None for layer in model.classifiers())
    model, batch = build().train(), batch_of()
    features = model(batch)
    assert [each.shape for each in features.global_features] == [(8, 256)] * 3
    losses = model.losses(features, batch)
    expected = sum(F.cross_entropy(each, batch.labels) for each in features.logits) / 8
    torch.testing.assert_close(losses["id"], expected)


def test_the_triplet_loss_is_the_mean_of_its_features_batch_hard_losses():
    generator = torch.Generator().manual_seed(0)
    features = [torch.randn(4, 5, generator=generator) for _ in range(3)]
    labels = [0, 0, 1, 1]
    total = 0.0
    for each in features:
        for anchor in range(4):
            distances = [float((each[anchor] - other).square().sum().sqrt()) for other in each]
            positive = max(d for d, label in zip(distances, labels, strict=True) if label == labels[anchor])
            negative = min(d for d, label in zip(distances, labels, strict=True) if label != labels[anchor])
            total += max(0.0, positive - negative + 1.2) / 4
    assert triplet_loss(features, torch.tensor(labels)).item() == pytest.approx(total / 3, rel=1e-4)


def test_the_paper_profile_is_as_printed():
    recipe = METHOD.recipe(MGNSwitches(), "market1501", "paper")
    assert (recipe.height, recipe.width, recipe.epochs, recipe.schedule.milestones) == (384, 128, 80, (40, 60))
    assert (recipe.sampler.identities, recipe.sampler.images_per_identity) == (16, 4)
    assert recipe.optimiser == Optimiser("sgd", rate=0.01, momentum=0.9, weight_decay=5e-4)
    assert recipe.flip_test


def test_a_value_that_is_none_is_refused_in_one_line():
    with pytest.raises(BadInput, match="triplet must be true or false"):
        METHOD.parse({"triplet": 2}, "row 1")
