"""MDPR: its size to the parameter, its losses against their equations and an independent library, every switch."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning.losses import CircleLoss
from pytorch_metric_learning.reducers import MeanReducer
from torch import nn
from torch.nn import functional as F

from harness.errors import BadInput
from harness.measure import count_operations, count_parameters, inference_parameters
from harness.models.backbone import build_backbone
from harness.models.initialisation import load_trunk
from harness.models.pooling import GeM
from harness.models.reid import Batch
from harness.plan import Plan, Planner
from harness.shelf import Shelf
from harness.store import Store
from harness.tables import tables
from harness.training.loop import Machine
from methods.mdpr import ATTENDED, FEATURES, METHOD, MDPRSwitches
from methods.mdpr.attention import AttentionGeneration, BilinearAttentionPooling, GuidedAttention, shares
from methods.mdpr.exchange import Fusion
from methods.mdpr.losses import (
    CIRCLE_MARGIN,
    GAMMA,
    attention_diversity,
    attention_diversity_released,
    circle_classification_loss,
    circle_loss,
    mutual_distillation,
    triplet_loss,
)

IDENTITIES = 4
FULL = MDPRSwitches()
RELEASED = MDPRSwitches(variant="released")
UNFUSED = tuple(name for name in FULL.features if name != "fusion")
NEITHER = MDPRSwitches(distillation=False, fusion=False, features=UNFUSED)
HARD_ONLY = MDPRSwitches(distillation=False, fusion=False, branches=("hard",), features=UNFUSED[:3])
SOFT_ONLY = MDPRSwitches(distillation=False, fusion=False, branches=("soft",), features=UNFUSED[3:])
INDEPENDENT = MDPRSwitches(independent_networks=True)


def batch_of(images: int = 8, seed: int = 0) -> Batch:
    return Batch(
        images=torch.randn(images, 3, 64, 32, generator=torch.Generator().manual_seed(seed)),
        labels=torch.arange(images) // 2 % IDENTITIES,
        cameras=torch.zeros(images, dtype=torch.int64),
        indices=torch.arange(images),
    )


def build(switches: MDPRSwitches = FULL, identities: int = IDENTITIES, seed: int = 0):
    torch.manual_seed(seed)
    return METHOD.build(switches, identities, "resnet10_ibn_a")


@cache
def at_paper_size(**switches):
    with torch.device("meta"):
        return METHOD.build(MDPRSwitches(**switches), 751, "resnet101_ibn_a")


def read_at_paper_size(embedding: str, **switches) -> int:
    return count_parameters(at_paper_size(**switches), 384, 192, embedding=embedding)["inference"]


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


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


def test_inference_needs_neither_predictors_nor_attention():
    for variant in ("paper", "released"):
        assert read_at_paper_size(METHOD.embedding(FULL), variant=variant) == 154_884_166


def test_a_cell_that_reads_one_feature_needs_the_parameters_of_that_feature():
    below, branch, head = 1_444_928, 41_055_232, 2048 * 512 + 2 * 512 + 1 + 2 * 512
    assert inference_parameters("mdpr", {"features": ["hard_g5"]}) == below + branch + head
    assert read_at_paper_size("bap5+bap4") - read_at_paper_size("soft_g5+soft_g4") > (2048 + 1024) * 512


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


def test_a_branch_is_a_whole_resnet():
    model, published = build(HARD_ONLY).eval(), build_backbone("resnet10_ibn_a").eval()
    load_trunk(model, published.state_dict(), "a file")
    images = torch.randn(2, 3, 64, 32)
    torch.testing.assert_close(model.trunk(images)["hard"][1], published(images))


# --- the losses (Sec. III-D) ---


def loop_circle(features: torch.Tensor, labels: list[int]) -> float:
    """Eq. 5, image by image."""
    total = 0.0
    for a, anchor in enumerate(features):
        similarity = [float(F.cosine_similarity(anchor, other, dim=0)) for other in features]
        positives = [s for i, s in enumerate(similarity) if labels[i] == labels[a] and i != a]
        negatives = [s for i, s in enumerate(similarity) if labels[i] != labels[a]]
        near = sum(math.exp(-GAMMA * max(1 + CIRCLE_MARGIN - s, 0) * (s - 1 + CIRCLE_MARGIN)) for s in positives)
        far = sum(math.exp(GAMMA * max(s + CIRCLE_MARGIN, 0) * (s - CIRCLE_MARGIN)) for s in negatives)
        total += math.log(1 + near * far)
    return total / len(features)


@given(seed=st.integers(0, 10_000), labels=st.lists(st.integers(0, 3), min_size=1, max_size=9))
@settings(max_examples=40, deadline=None)
def test_circle_loss_agrees_with_its_equation(seed, labels):
    features = torch.randn(len(labels), 6, generator=torch.Generator().manual_seed(seed))
    found = circle_loss(features, torch.tensor(labels)).item()
    assert found == pytest.approx(loop_circle(features, labels), rel=1e-4, abs=1e-4)


@given(seed=st.integers(0, 10_000), identities=st.integers(2, 5), images=st.integers(2, 5))
@settings(max_examples=25, deadline=None)
def test_circle_loss_and_its_gradient_agree_with_pytorch_metric_learning(seed, identities, images):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(identities * images, 8, generator=generator, requires_grad=True)
    labels = torch.arange(identities).repeat_interleave(images)
    theirs = CircleLoss(m=CIRCLE_MARGIN, gamma=GAMMA, reducer=MeanReducer())(features, labels)
    (expected,) = torch.autograd.grad(theirs, features)
    ours = circle_loss(features, labels)
    (gradient,) = torch.autograd.grad(ours, features)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-4)


def test_anchors_without_positive_or_negative_count_nothing_and_have_a_finite_gradient():
    features = torch.randn(3, 4, requires_grad=True)
    loss = circle_loss(features, torch.tensor([0, 1, 2]))
    loss.backward()
    assert loss.item() == 0 and torch.equal(features.grad, torch.zeros(3, 4))
    assert circle_loss(torch.randn(3, 4), torch.zeros(3, dtype=torch.int64)).item() == 0


@given(seed=st.integers(0, 10_000), identities=st.integers(2, 6))
@settings(max_examples=25, deadline=None)
def test_the_classifier_form_is_a_smoothed_cross_entropy_of_circle_logits(seed, identities):
    generator = torch.Generator().manual_seed(seed)
    features, proxies = torch.randn(3, 5, generator=generator), torch.randn(identities, 5, generator=generator)
    labels = torch.randint(identities, (3,), generator=generator)
    total = 0.0
    for feature, label in zip(features, labels.tolist(), strict=True):
        similarity = [float(F.cosine_similarity(feature, proxy, dim=0)) for proxy in proxies]
        logits = [GAMMA * max(s + CIRCLE_MARGIN, 0) * (s - CIRCLE_MARGIN) for s in similarity]
        s = similarity[label]
        logits[label] = GAMMA * max(1 + CIRCLE_MARGIN - s, 0) * (s - 1 + CIRCLE_MARGIN)
        whole = math.log(sum(math.exp(logit) for logit in logits))
        for identity, logit in enumerate(logits):
            weight = 0.9 if identity == label else 0.1 / (identities - 1)
            total -= weight * (logit - whole)
    assert circle_classification_loss(features, proxies, labels).item() == pytest.approx(total / 3, rel=1e-4)


def test_the_released_circle_loss_is_about_fifty_a_feature_at_the_start():
    model, batch = build(RELEASED, identities=751), batch_of()
    assert model.losses(model.train()(batch), batch)["circle"].item() == pytest.approx(8 * 50, rel=0.1)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_triplet_loss_agrees_with_its_equation_but_for_its_sign(seed):
    features = torch.randn(6, 3, generator=torch.Generator().manual_seed(seed)) * 0.1
    total = 0.0
    for a in range(6):
        distance = [float((features[a] - features[other]).square().sum().sqrt()) for other in range(6)]
        farthest = max(distance[other] for other in range(6) if other // 2 == a // 2)
        nearest = min(distance[other] for other in range(6) if other // 2 != a // 2)
        total += max(0.05 + farthest - nearest, 0)
    found = triplet_loss(features, torch.arange(6) // 2).item()
    assert found == pytest.approx(total / 6, abs=1e-5)


@given(seed=st.integers(0, 10_000), maps=st.integers(1, 4), beta=st.sampled_from([0.0, 0.001, 0.1]))
@settings(max_examples=25, deadline=None)
def test_attention_diversity_agrees_with_its_equation_and_with_the_released_form(seed, maps, beta):
    generator = torch.Generator().manual_seed(seed)
    attended, attention = torch.rand(2, maps, 5, generator=generator), torch.rand(2, maps, 3, 2, generator=generator)
    printed, released = 0.0, 0.0
    for image in range(2):
        for i in range(maps):
            printed += beta * sum(abs(float(value)) for value in attended[image, i])
            released += beta * sum(float(value) for value in attention[image, i].flatten())
            for j in range(maps):
                cosine = float(F.cosine_similarity(attended[image, i], attended[image, j], dim=0))
                printed += cosine if i != j else 0
                released += cosine if i < j else 0
    assert attention_diversity(attended, beta).item() == pytest.approx(printed / 2, abs=1e-4)
    assert attention_diversity_released(attended, attention, beta).item() == pytest.approx(released / 2, abs=1e-4)


def test_distillation_gives_the_target_no_gradient_and_the_prediction_one():
    from_hard, from_soft, hard, soft = (torch.randn(4, 6, requires_grad=True) for _ in range(4))
    loss = mutual_distillation(from_hard, from_soft, hard, soft)
    loss.backward()
    assert hard.grad is None and soft.grad is None
    assert from_hard.grad.abs().max() > 0 and from_soft.grad.abs().max() > 0
    cosines = [F.cosine_similarity(a, b, dim=1).mean().item() for a, b in ((from_hard, soft), (from_soft, hard))]
    assert loss.item() == pytest.approx(-sum(cosines) / 2, abs=1e-6)
    assert mutual_distillation(soft, hard, hard, soft).item() == pytest.approx(-1)


@pytest.mark.parametrize(("learner", "teacher"), [("hard", "soft"), ("soft", "hard")])
def test_in_the_network_the_teaching_branch_learns_nothing_from_its_pupil(learner, teacher):
    model = build(INDEPENDENT).train()
    (features,) = model(batch_of())
    predicted, target = features.predicted[learner], features.view.features[f"{teacher}_g5"]
    mutual_distillation(
        predicted, predicted.detach(), features.view.features[f"{learner}_g5"].detach(), target
    ).backward()
    reached = {
        name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().max() > 0
    }
    assert reached == {"trunk", learner, "predictors"}
    for stages in (model.trunk.lower, model.trunk.fourth, model.trunk.fifth):
        assert all(p.grad is None or not p.grad.any() for p in stages[teacher].parameters())
        assert any(p.grad is not None and p.grad.any() for p in stages[learner].parameters())


def test_each_variant_has_the_terms_of_its_equation():
    batch = batch_of()

    def terms(switches: MDPRSwitches) -> list[str]:
        model = build(switches).train()
        return list(model.losses(model(batch), batch))

    everything = ["circle", "triplet", "attention_diversity", "distillation"]
    assert terms(FULL) == terms(RELEASED) == terms(INDEPENDENT) == everything
    assert terms(NEITHER) == terms(SOFT_ONLY) == everything[:3]
    assert terms(HARD_ONLY) == everything[:2]


def test_bap_features_have_a_circle_and_no_triplet_term():
    model, batch = build().train(), batch_of()
    (features,) = model(batch)
    seen = features.view.features
    losses = model.losses([features], batch)
    assert list(seen) == [*FULL.features[:5], *ATTENDED, "fusion"]
    circle = sum(circle_loss(feature, batch.labels) for feature in seen.values())
    triplet = sum(triplet_loss(seen[name], batch.labels) for name in FULL.features)
    torch.testing.assert_close(losses["circle"], circle)
    torch.testing.assert_close(losses["triplet"], triplet)


def test_the_released_variant_normalises_and_mines_in_each_process_for_itself():
    batch = batch_of(16)
    batch.labels = torch.arange(16) // 2 % 2 + torch.arange(16) // 4 * 2 % 4
    model, alone = build(RELEASED).train(), build(RELEASED).train()
    found = model.losses(model(batch), batch)
    shares_of_batch = []
    for process in range(4):
        rows = slice(4 * process, 4 * process + 4)
        own = Batch(batch.images[rows], batch.labels[rows], batch.cameras[rows], batch.indices[rows])
        shares_of_batch.append(alone._losses(alone._seen_by_one(own.images), own.labels))
    for name, value in found.items():
        torch.testing.assert_close(value, torch.stack([each[name] for each in shares_of_batch]).mean())
    assert len(build().train()(batch)) == 1


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
        for name, expected in (("A4 map 2", maps[image, 1]), ("A4 overlay", overlay)):
            expected = (expected - expected.min()) / (expected.max() - expected.min())
            torch.testing.assert_close(found[name][image], expected.detach())
    assert build(HARD_ONLY).eval().attention_maps(images) == {}


# --- the switches ---

CHANGES = {
    "embedding_dim": (FULL, replace(FULL, embedding_dim=256)),
    "num_attention": (FULL, replace(FULL, num_attention=4)),
    "attention_guidance": (FULL, replace(FULL, attention_guidance=False)),
    "beta": (FULL, replace(FULL, beta=0.1)),
    "distillation": (FULL, replace(FULL, distillation=False)),
    "fusion": (NEITHER, replace(NEITHER, fusion=True)),
    "branches": (HARD_ONLY, SOFT_ONLY),
    "independent_networks": (FULL, INDEPENDENT),
    "features": (FULL, replace(FULL, features=("fusion",))),
    "variant": (FULL, RELEASED),
}


def what_can_be_seen(switches: MDPRSwitches) -> dict[str, float]:
    model, batch = build(switches), batch_of()
    seen = {"parameters": float(size(model))}
    seen |= {name: value.item() for name, value in model.losses(model.train()(batch), batch).items()}
    found = model.eval().embed(batch.images)
    return seen | {name: found[name].sum().item() for name in METHOD.embedding(switches).split("+")}


def test_every_switch_is_tried():
    assert set(CHANGES) == {field.name for field in fields(MDPRSwitches)}


@pytest.mark.parametrize("name", CHANGES)
def test_every_switch_moves_something(name):
    before, after = CHANGES[name]
    assert getattr(before, name) != getattr(after, name)
    assert what_can_be_seen(before) != what_can_be_seen(after)


def test_equal_values_are_equal_switches_however_they_are_written():
    shuffled = METHOD.parse({"features": ["fusion", *UNFUSED], "branches": ["soft", "hard"], "beta": 0.001}, "row 1")
    assert shuffled == FULL and hash(shuffled) == hash(FULL)
    assert type(MDPRSwitches(beta=0).beta) is float and str(MDPRSwitches(beta=-0.0).beta) == "0.0"


@pytest.mark.parametrize(
    "values",
    [
        {"embedding_dim": 0},
        {"embedding_dim": 512.0},
        {"num_attention": True},
        {"attention_guidance": 1},
        {"beta": -0.1},
        {"beta": math.nan},
        {"beta": "0.1"},
        {"distillation": None},
        {"branches": []},
        {"branches": "hard"},
        {"branches": ["hard", "hard"]},
        {"branches": ["hard"]},
        {"branches": ["soft"], "distillation": False},
        {"branches": ["hard"], "distillation": False, "fusion": False, "features": ["hard_g5"], "beta": 0.1},
        {"branches": ["hard"], "distillation": False, "fusion": False, "features": ["soft_g5"]},
        {
            "branches": ["soft"],
            "distillation": False,
            "fusion": False,
            "features": ["soft_g5"],
            "independent_networks": True,
        },
        {"fusion": False},
        {"features": ["g5"]},
        {"features": []},
        {"features": ["fusion", "fusion"]},
        {"variant": "code"},
    ],
)
def test_values_and_combinations_that_name_no_variant_are_refused_in_one_line(values):
    with pytest.raises(BadInput, match=r"^row 1: .+$"):
        METHOD.parse(values, "row 1")


# --- the recipe (Sec. IV-B) ---


def test_the_paper_profile_is_as_printed():
    recipe = METHOD.recipe(FULL, "market1501", "paper")
    assert (recipe.backbone, recipe.height, recipe.width) == ("resnet101_ibn_a", 384, 192)
    assert (recipe.sampler.identities, recipe.sampler.images_per_identity, recipe.sampler.groups) == (16, 16, 1)
    assert (recipe.optimiser.name, recipe.optimiser.rate, recipe.optimiser.weight_decay) == ("adam", 3.5e-4, 5e-4)
    warmup = recipe.schedule.warmup
    assert (recipe.epochs, warmup.length, warmup.unit, warmup.shape) == (60, 2000, "iterations", "linear")
    assert warmup.start * recipe.optimiser.rate == pytest.approx(3.5e-5)
    augmentation = recipe.augmentation
    assert augmentation.flip == augmentation.erasing.probability == augmentation.patch.probability == 0.5
    assert recipe.initialisation.kind == "luperson" and recipe.flip_test is False
    assert METHOD.recipe(FULL, "dukemtmc", "paper") == recipe


def test_synergyreid_is_trained_for_less_long():
    recipe = METHOD.recipe(FULL, "synergyreid", "paper")
    assert (recipe.epochs, recipe.schedule.warmup.length) == (40, 200)
    assert METHOD.recipe(FULL, "synergyreid", "demo") == METHOD.recipe(FULL, "market1501", "demo")


@pytest.mark.parametrize("profile", ["paper", "budget", "demo"])
def test_the_released_recipe_has_four_processes_of_a_quarter_batch_and_pads(profile):
    printed, released = (METHOD.recipe(switches, "market1501", profile) for switches in (FULL, RELEASED))
    assert released.sampler.groups == 4 and released.sampler.batch_size == printed.sampler.batch_size
    assert (printed.augmentation.padding, released.augmentation.padding) == (0, 10)


def test_all_tables_together_are_17_configurations_on_market1501(tmp_path):
    plan = Plan()
    planner = Planner(Shelf(Path("nowhere")), Store(tmp_path), bfloat16=True, draw=False)
    own = [table for table in tables().values() if table.method == "mdpr"]
    for table in own:
        planner.add(plan, table, table.rows, ["market1501"], "paper")
    assert len(own) == 9 and len(plan.runs) == 17


def test_importing_the_method_needs_no_torch():
    script = "import sys, methods.mdpr; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_the_network_runs_in_bfloat16_and_its_losses_are_finite():
    model, batch = build().train(), batch_of()
    with Machine(torch.device("cpu"), bfloat16=True).autocast():
        features = model(batch)
    assert all(torch.isfinite(loss) for loss in model.losses(features, batch).values())
