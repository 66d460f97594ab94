"""MDPR's network: its size to the parameter, its pieces against their equations, its features and pictures."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from harness.measure import count_operations, count_parameters, inference_parameters
from harness.models.backbone import build_backbone
from harness.models.initialisation import load_trunk
from harness.models.pooling import GeM
from harness.tables import tables
from harness.training.machine import Machine
from methods.mdpr import METHOD, MDPRSwitches
from methods.mdpr.attention import AttentionGeneration, BilinearAttentionPooling, GuidedAttention, shares
from methods.mdpr.exchange import Fusion
from methods.mdpr.switches import ATTENDED, FEATURES
from tests.methods.mdpr.variants import (
    FULL,
    HARD_ONLY,
    INDEPENDENT,
    RELEASED,
    SOFT_ONLY,
    UNFUSED,
    batch_of,
    build,
    size,
)


@cache
def at_paper_size(**switches):
    with torch.device("meta"):
        return METHOD.build(MDPRSwitches(**switches), 751, "resnet101_ibn_a")


def read_at_paper_size(embedding: str, **switches) -> int:
    return count_parameters(at_paper_size(**switches), 384, 192, embedding=embedding)["inference"]


def without_classifiers(model) -> int:
    return size(model) - sum(size(classifier) for classifier in model.classifiers())


# --- its size (Sec. IV-B, Table I; 751 identities, 384x192) ---


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        ({}, 159_182_007),
        ({"num_attention": 4}, 162_397_551),
        ({"num_attention": 8}, 168_828_903),
        ({"embedding_dim": 256}, 105_294_007),
        ({"embedding_dim": 768}, 246_362_295),
        ({"attention_guidance": False}, 159_181_908),
        ({"fusion": False, "features": UNFUSED}, 93_632_694),
        ({"distillation": False}, 158_130_359),
    ],
)
def test_the_released_layout_has_the_authors_parameters_without_classifiers(switches, expected):
    assert without_classifiers(at_paper_size(variant="released", **switches)) == expected


def test_the_printed_layout_has_fewer_guidance_weights_and_a_gem_a_map_and_no_classifiers():
    model = at_paper_size()
    # phi of A4 sees K = 2 maps instead of 3, 10 weights each for 3 outputs; their 3 x 3 convolution is not there.
    assert size(model) == 159_182_007 - 30 - 9 + 2 == 159_181_970
    assert list(model.classifiers()) == []


def test_classifiers_are_nine_m_and_twice_k_m_wide():
    model = at_paper_size(variant="released")
    assert sum(size(classifier) for classifier in model.classifiers()) == (9 + 2 * 2) * 512 * 751 == 4_998_656


def test_only_necks_are_frozen_and_only_their_bias():
    frozen = {name: p.numel() for name, p in at_paper_size().named_parameters() if not p.requires_grad}
    assert all(name.endswith("neck.bias") for name in frozen) and sum(frozen.values()) == 6_656


@pytest.mark.slow
def test_inference_needs_neither_predictors_nor_attention():
    for variant in ("paper", "released"):
        assert read_at_paper_size(METHOD.embedding(FULL), variant=variant) == 154_884_166


@pytest.mark.slow
def test_a_cell_that_reads_one_feature_needs_the_parameters_of_that_feature():
    below, branch, head = 1_444_928, 41_055_232, 2048 * 512 + 2 * 512 + 1 + 2 * 512
    assert inference_parameters("mdpr", {"features": ["hard_g5"]}) == below + branch + head
    assert read_at_paper_size("bap5+bap4") - read_at_paper_size("soft_g5+soft_g4") > (2048 + 1024) * 512


@pytest.mark.slow
def test_both_layouts_take_47_65_billion_multiply_adds():
    released, printed = (
        count_operations(at_paper_size(variant=variant), 384, 192)["macs"] for variant in ("released", "paper")
    )
    assert released / 1e9 == pytest.approx(47.65, abs=0.005)
    # As printed phi of A4 sees one map less, and the 3 x 3 weights of the guidance are not there.
    assert released - printed == 24 * 12 * (30 + 9)


def test_the_test_feature_has_4608_numbers():
    features = at_paper_size().eval().embed(torch.zeros(1, 3, 384, 192, device="meta"))
    assert sum(features[name].shape[1] for name in METHOD.embedding(FULL).split("+")) == 4608
    assert [features[name].shape[1] for name in FEATURES] == [512] * 5 + [2048] + [1024] * 2


def test_independent_networks_share_nothing_and_the_one_network_its_lower_stages():
    lower = 1_444_928
    assert size(at_paper_size(independent_networks=True)) - size(at_paper_size()) == lower
    model = build(INDEPENDENT)
    hard, soft = model.trunk.lower["hard"], model.trunk.lower["soft"]
    assert not {id(p) for p in hard.parameters()} & {id(p) for p in soft.parameters()}


# --- the pieces ---


def test_gem_at_power_one_is_the_mean_and_at_three_the_cubic_mean():
    features = torch.rand(2, 3, 4, 5) + 0.1
    torch.testing.assert_close(GeM(exponent=1.0)(features), features.mean((2, 3)))
    for image in range(2):
        for channel in range(3):
            cubes = [float(value) ** 3 for value in features[image, channel].flatten()]
            expected = (sum(cubes) / len(cubes)) ** (1 / 3)
            assert GeM()(features)[image, channel].item() == pytest.approx(expected, rel=1e-5)


def test_gem_of_nothing_is_finite_and_so_is_its_gradient():
    features = torch.zeros(1, 2, 3, 3, requires_grad=True)
    pool = GeM()
    pool(features).sum().backward()
    assert torch.isfinite(pool.exponent.grad).all() and torch.isfinite(features.grad).all()


def test_attention_generation_sums_a_1x1_and_a_3x3_convolution():
    torch.manual_seed(0)
    phi, features = AttentionGeneration(5, maps=2).eval(), torch.randn(2, 5, 4, 3)
    raw = F.conv2d(features, phi.pointwise.weight) + F.conv2d(features, phi.spatial.weight, padding=1)
    expected = torch.relu(raw / math.sqrt(1 + phi.norm.eps))
    assert raw.shape[1] == 3
    torch.testing.assert_close(phi(features), expected)


@given(seed=st.integers(0, 10_000), maps=st.integers(1, 8))
@settings(max_examples=25, deadline=None)
def test_the_maps_and_the_background_share_out_each_place(seed, maps):
    raw = torch.randn(2, maps + 1, 4, 3, generator=torch.Generator().manual_seed(seed)).relu()
    found = shares(raw)
    torch.testing.assert_close(found.sum(1), torch.ones(2, 4, 3))
    torch.testing.assert_close(found[:, 0], raw[:, 0].exp() / raw.exp().sum(1))


@pytest.mark.parametrize("switches", [FULL, RELEASED])
def test_the_k_attention_maps_leave_the_background_its_share(switches):
    model = build(replace(switches, num_attention=4)).eval()
    raw = {}
    model.soft.attention5.register_forward_hook(lambda module, inputs, found: raw.update(A5=found))
    model.soft.attention4.register_forward_hook(lambda module, inputs, found: raw.update(A4=found))
    attention = model._view(batch_of(2).images).attention
    assert set(attention) == {"A5", "A4"}
    for level, maps in attention.items():
        assert raw[level].shape[1] == 5 and maps.shape[:2] == (2, 4)
        background = raw[level].softmax(1)[:, 4]
        torch.testing.assert_close(maps.sum(1) + background, torch.ones_like(background))


@pytest.mark.parametrize("released", [False, True])
def test_a4_depends_on_a5_only_where_it_is_guided(released):
    plain, convolved, raw = torch.randn(1, 6, 4, 3), torch.randn(1, 6, 4, 3), torch.rand(1, 3, 4, 3)
    for guidance in (True, False):
        torch.manual_seed(0)
        guided = GuidedAttention(6, 2, guidance, released).eval()
        moved = guided(plain, convolved, raw) != guided(plain, convolved, torch.rand(1, 3, 4, 3) * 5)
        assert bool(moved.any()) is guidance


@pytest.mark.parametrize(("released", "inputs"), [(False, 6 + 2), (True, 6 + 3)])
def test_the_printed_guidance_reads_the_convolved_features_and_the_released_one_the_plain_ones(released, inputs):
    torch.manual_seed(0)
    guided = GuidedAttention(6, 2, guidance=True, released=released).eval()
    plain, convolved, raw = torch.randn(1, 6, 4, 3), torch.randn(1, 6, 4, 3), torch.rand(1, 3, 4, 3)
    before = guided(plain, convolved, raw)
    assert guided.generation.pointwise.in_channels == inputs
    assert bool((guided(plain + 1, convolved, raw) != before).any()) is released
    assert bool((guided(plain, convolved + 1, raw) != before).any()) is not released


def test_bilinear_attention_pooling_pools_the_features_under_each_map():
    torch.manual_seed(0)
    bap = BilinearAttentionPooling(5, width=3, maps=2, shared_pool=False).eval()
    features, maps = torch.randn(2, 5, 4, 3), torch.rand(2, 2, 4, 3)
    seen, feature = bap(features, maps)
    for k in range(2):
        masked = features.clone()
        for channel in range(5):
            masked[:, channel] *= maps[:, k]
        torch.testing.assert_close(seen[:, k], bap.pools[k](bap.embeddings[k](masked)))
    torch.testing.assert_close(feature, bap.neck(seen.flatten(1)))


def test_each_map_has_a_gem_of_its_own_as_printed_and_all_share_one_as_released():
    printed, released = build().soft, build(RELEASED).soft
    for bap in (printed.bap5, printed.bap4):
        assert bap.pools[0] is not bap.pools[1]
    for bap in (released.bap5, released.bap4):
        assert bap.pools[0] is bap.pools[1]
    assert released.bap5.pools[0] is not released.bap4.pools[0]


@pytest.mark.parametrize("switches", [FULL, RELEASED])
def test_bap5_reads_c5_under_a5_and_bap4_the_convolved_c4_under_a4(switches):
    soft = build(switches).soft.train()
    seen = {}
    for name in ("convolve", "attention5", "attention4", "bap5", "bap4"):
        getattr(soft, name).register_forward_hook(
            lambda module, inputs, found, name=name: seen.update({name: (inputs, found)})
        )
    c4, c5 = (
        torch.rand(2, soft.convolve[0].in_channels, 4, 2),
        torch.rand(2, soft.attention5.pointwise.in_channels, 4, 2),
    )
    soft(c4, c5)
    assert torch.equal(seen["convolve"][0][0], c4) and torch.equal(seen["attention5"][0][0], c5)
    for level, features in ((5, c5), (4, seen["convolve"][1])):
        (read, maps), _ = seen[f"bap{level}"]
        assert torch.equal(read, features)
        torch.testing.assert_close(maps, seen[f"attention{level}"][1].softmax(1)[:, :2])


@pytest.mark.parametrize("switches", [FULL, RELEASED])
@pytest.mark.parametrize("guidance", [True, False])
def test_what_a4_is_trained_for_reaches_the_generation_of_a5_only_through_guidance(switches, guidance):
    soft = build(replace(switches, attention_guidance=guidance)).soft.train()
    c4, c5 = (
        torch.randn(4, soft.convolve[0].in_channels, 4, 2),
        torch.randn(4, soft.attention5.pointwise.in_channels, 4, 2),
    )
    soft(c4, c5).attention["A4"].sum().backward()
    for weight in (soft.attention5.pointwise.weight, soft.attention5.spatial.weight):
        assert (weight.grad is not None and bool(weight.grad.any())) is guidance


def test_parts_see_their_own_half_only():
    hard = build().hard.eval()
    c5 = torch.rand(1, 256, 12, 6)
    before = hard(c5).features
    c5[:, :, 6:] += 1
    after = hard(c5).features
    moved = {name: bool((before[name] != after[name]).any()) for name in before}
    assert moved == {"hard_g5": True, "hard_p1": False, "hard_p2": True}


def test_fusion_merges_within_each_branch_and_then_across():
    torch.manual_seed(0)
    fusion = Fusion(width=2).eval()
    embedded = {name: torch.rand(1, 2, 4, 3) for name in ("hard_g5", "soft_g5", "soft_g4")}
    embedded |= {name: torch.rand(1, 2, 2, 3) for name in ("hard_p1", "hard_p2")}
    parts = fusion.parts(torch.cat([embedded["hard_p1"], embedded["hard_p2"]], dim=2))
    hard = fusion.hard(torch.cat([parts, embedded["hard_g5"]], dim=1))
    soft = fusion.soft(torch.cat([embedded["soft_g5"], embedded["soft_g4"]], dim=1))
    whole = fusion.across(torch.cat([hard, soft], dim=1))
    assert whole.shape == (1, 8, 4, 3)
    torch.testing.assert_close(fusion(embedded), fusion.neck(fusion.pool(whole)))


# --- the trunk and where it starts ---


def test_both_branches_start_from_the_same_published_weights():
    model, published = build(), build_backbone("resnet10_ibn_a")
    report = load_trunk(model, published.state_dict(), "a file")
    assert report["missing"] == report["unexpected"] == []
    for stage, of in (("layer3", model.trunk.fourth), ("layer4", model.trunk.fifth)):
        for branch in ("hard", "soft"):
            loaded = dict(getattr(of[branch], stage).named_parameters())
            for name, value in getattr(published, stage).named_parameters():
                assert torch.equal(loaded[name], value)


def test_added_convolutions_start_as_kaiming_s_by_fan_out_and_proxies_at_a_hundredth():
    model = build(RELEASED, identities=200)
    added = {name: module for name, module in model.named_modules() if isinstance(module, nn.Conv2d)}
    added = {name: module for name, module in added.items() if not name.startswith("trunk.")}
    large = {name: module.weight for name, module in added.items() if module.weight.numel() > 500}
    assert len(large) > 15
    for weight in large.values():
        expected = math.sqrt(2 / (weight.shape[0] * weight.shape[2] * weight.shape[3]))
        assert weight.std().item() == pytest.approx(expected, rel=0.1)
    for proxies in model.classifiers():
        assert proxies.weight.std().item() == pytest.approx(0.01, rel=0.05)


def test_the_first_max_pooling_begins_beside_the_image_as_printed_and_at_its_corner_as_released():
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    for switches, expected in ((FULL, [[5, 7], [13, 15]]), (RELEASED, [[10, 11], [14, 15]])):
        for own in (switches, replace(switches, independent_networks=True)):
            for stem in build(own).trunk.lower.values():
                assert stem.maxpool(image)[0, 0].tolist() == expected


def test_a_branch_is_a_whole_resnet():
    model, published = build(HARD_ONLY).eval(), build_backbone("resnet10_ibn_a").eval()
    load_trunk(model, published.state_dict(), "a file")
    images = torch.randn(2, 3, 64, 32)
    torch.testing.assert_close(model.trunk(images)["hard"][1], published(images))


# --- inference and pictures ---


def test_one_run_serves_every_feature_of_table_viii():
    found = build().eval().embed(batch_of(2).images)
    assert tuple(found) == FEATURES
    rows = {row.key: row for row in tables()["mdpr_features"].rows}
    for key, row in rows.items():
        switches = METHOD.parse(dict(row.switches), key)
        names = METHOD.embedding(switches).split("+")
        assert set(names) <= set(build(switches).eval().embed(batch_of(1).images))


@pytest.mark.parametrize(
    ("switches", "names"), [(HARD_ONLY, FULL.features[:3]), (SOFT_ONLY, (*UNFUSED[3:], *ATTENDED))]
)
def test_a_single_network_has_its_own_features_only(switches, names):
    assert tuple(build(switches).eval().embed(batch_of(1).images)) == names


def test_a_feature_does_not_depend_on_the_other_images_of_the_batch():
    model, batch = build().eval(), batch_of()
    together, alone = model.embed(batch.images), model.embed(batch.images[3:4])
    for name in FEATURES:
        torch.testing.assert_close(alone[name], together[name][3:4], rtol=1e-4, atol=1e-5)


def test_attention_maps_are_those_of_figures_9_and_10():
    model, images = build().eval(), batch_of(3).images
    found = model.attention_maps(images)
    assert list(found) == ["A4 map 1", "A4 map 2", "A4 overlay", "A5 map 1", "A5 map 2", "A5 overlay"]
    maps = model._view(images).attention["A4"]
    for image in range(3):
        overlay = ((maps[image, 0] + maps[image, 1]) / 2) ** 2
        for name, expected in (("A4 map 2", maps[image, 1] ** 2), ("A4 overlay", overlay)):
            expected = (expected - expected.min()) / (expected.max() - expected.min())
            torch.testing.assert_close(found[name][image], expected.detach())
    assert build(HARD_ONLY).eval().attention_maps(images) == {}


def test_the_network_runs_in_bfloat16_and_its_losses_are_finite():
    model, batch = build().train(), batch_of()
    with Machine(torch.device("cpu"), bfloat16=True).autocast():
        features = model(batch)
    assert all(torch.isfinite(loss) for loss in model.losses(features, batch).values())
