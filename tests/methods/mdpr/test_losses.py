"""MDPR's losses (Sec. III-D) against their equations and an independent library, and which variant has which."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning.losses import CircleLoss
from pytorch_metric_learning.reducers import MeanReducer
from torch.nn import functional as F

from harness.models.reid import Batch
from methods.mdpr import MDPRSwitches
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
from methods.mdpr.switches import ATTENDED
from tests.methods.mdpr.variants import FULL, HARD_ONLY, INDEPENDENT, NEITHER, RELEASED, SOFT_ONLY, batch_of, build


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


@pytest.mark.parametrize("switches", [FULL, RELEASED])
def test_each_predictor_reads_its_branch_s_global_feature_after_the_neck_and_aims_at_the_other_s(switches):
    model, batch = build(switches).train(), batch_of()
    pooled = {}
    for name, head in (("hard", model.hard.whole), ("soft", model.soft.whole5)):
        head.pool.register_forward_hook(lambda module, inputs, found, name=name: pooled.update({name: found}))
    (features,) = model(batch)
    g5 = {name: F.batch_norm(each, None, None, training=True) for name, each in pooled.items()}
    cosines = [
        F.cosine_similarity(model.predictors[own](g5[own]), g5[other], dim=1).mean()
        for own, other in (("hard", "soft"), ("soft", "hard"))
    ]
    torch.testing.assert_close(model.losses([features], batch)["distillation"], -sum(cosines) / 2)


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


@pytest.mark.parametrize("switches", [FULL, RELEASED])
def test_the_attention_diversity_is_the_sum_over_both_levels_of_what_their_maps_see(switches):
    model, batch = build(replace(switches, beta=0.1)).train(), batch_of()
    expected = []

    def of_level(module, inputs, found):
        (_, maps), (seen, _) = inputs, found
        released = attention_diversity_released(seen, maps, 0.1)
        expected.append(released if switches.released else attention_diversity(seen, 0.1))

    for bap in (model.soft.bap5, model.soft.bap4):
        bap.register_forward_hook(of_level)
    losses = model.losses(model(batch), batch)
    assert len(expected) == 2
    torch.testing.assert_close(losses["attention_diversity"], sum(expected))


@pytest.mark.parametrize("switches", [FULL, RELEASED])
def test_a_training_step_keeps_nothing_that_no_loss_reads(switches):
    model, batch = build(switches).train(), batch_of()
    (features,) = model(batch)
    assert features.view.embedded == {}
    assert set(features.view.attention) == ({"A5", "A4"} if switches.released else set())


def test_the_released_variant_normalises_and_mines_in_each_group_for_itself():
    batch = replace(batch_of(16), groups=4)
    batch.labels = torch.arange(16) // 2 % 2 + torch.arange(16) // 4 * 2 % 4
    model, alone = build(RELEASED).train(), build(RELEASED).train()
    found = model.losses(model(batch), batch)
    shares_of_batch = []
    for group in range(4):
        rows = slice(4 * group, 4 * group + 4)
        own = Batch(batch.images[rows], batch.labels[rows], batch.cameras[rows], batch.indices[rows])
        shares_of_batch.append(alone._losses(alone._of_group(own.images), own.labels))
    for name, value in found.items():
        torch.testing.assert_close(value, torch.stack([each[name] for each in shares_of_batch]).mean())
