"""AGW: its attention, pooling and loss against loops, its cost against what peers were measured at."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import BadInput
from harness.measure import count_operations, count_parameters
from harness.models.pooling import GeM
from harness.models.reid import Batch
from methods.agw import METHOD, AGWSwitches
from methods.agw.attention import NonLocal
from methods.agw.losses import weighted_regularised_triplet


def build(switches=AGWSwitches(), backbone="resnet10"):  # noqa: B008
    torch.manual_seed(0)
    return METHOD.build(switches, 4, backbone)


def test_cost_at_the_papers_size_is_what_fast_reid_was_measured_at():
    with torch.device("meta"):
        model = METHOD.build(AGWSwitches(), 751, "resnet50")
    assert count_parameters(model, 256, 128)["training_without_classifiers"] / 1e6 == pytest.approx(23.54, abs=0.005)
    assert count_operations(model, 256, 128)["macs"] / 1e9 == pytest.approx(4.06, abs=0.005)
    assert list(model.attention) == ["2_2", "2_3", "3_3", "3_4", "3_5"]


def test_attention_gathers_all_positions_by_their_embedded_products():
    torch.manual_seed(0)
    block = NonLocal(3).eval()
    torch.nn.init.ones_(block.w[1].weight)
    features = torch.randn(1, 3, 2, 2)
    columns = features[0].flatten(1).T  # (N, C)

    def embedded(layer, column):
        return float((layer.weight.flatten() @ column + layer.bias).detach())

    for i, column in enumerate(columns):
        y = sum(embedded(block.theta, column) * embedded(block.phi, c) * embedded(block.g, c) for c in columns) / 4
        mapped = y * block.w[0].weight.flatten() + block.w[0].bias
        expected = mapped / math.sqrt(1 + block.w[1].eps) + column  # BN of fresh statistics
        torch.testing.assert_close(block(features)[0].flatten(1)[:, i], expected, rtol=1e-4, atol=1e-5)


def test_a_fresh_block_leaves_a_trained_trunk_as_it_is():
    attended, plain = build().eval(), build(AGWSwitches(attention=False)).eval()
    plain.load_state_dict({k: v for k, v in attended.state_dict().items() if not k.startswith("attention.")})
    images = torch.randn(2, 3, 64, 32)
    torch.testing.assert_close(attended.embed(images)["feature"], plain.embed(images)["feature"])


@pytest.mark.parametrize(("exponent", "pooled"), [(1.0, "mean"), (60.0, "maximum")])
def test_generalised_mean_pooling_lies_between_mean_and_maximum(exponent, pooled):
    features = torch.rand(2, 3, 4, 5) + 0.5
    wanted = features.mean((2, 3)) if pooled == "mean" else features.amax((2, 3))
    torch.testing.assert_close(GeM(exponent)(features), wanted, rtol=0.06, atol=1e-5)
    assert GeM().exponent.item() == 3 and GeM().exponent.requires_grad


@given(seed=st.integers(0, 10_000), labels=st.lists(st.integers(0, 2), min_size=2, max_size=8))
@settings(max_examples=30, deadline=None)
def test_the_weighted_triplet_loss_agrees_with_its_equation(seed, labels):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(len(labels), 4, generator=generator)
    total = 0.0
    for anchor, identity in enumerate(labels):
        positives, negatives = [], []
        for other, theirs in enumerate(labels):
            distance = math.dist(features[anchor].tolist(), features[other].tolist())
            if theirs != identity:
                negatives.append(distance)
            elif other != anchor:
                positives.append(distance)
        far = sum(d * math.exp(d) for d in positives) / sum(map(math.exp, positives)) if positives else 0.0
        near = sum(d * math.exp(-d) for d in negatives) / sum(math.exp(-d) for d in negatives) if negatives else 0.0
        total += math.log1p(math.exp(far - near))
    found = weighted_regularised_triplet(features, torch.tensor(labels)).item()
    assert found == pytest.approx(total / len(labels), rel=1e-3)


def test_the_gradient_is_finite_where_an_anchor_is_alone():
    features = torch.randn(3, 4, requires_grad=True)
    weighted_regularised_triplet(features, torch.tensor([0, 1, 1])).backward()
    assert torch.isfinite(features.grad).all()


def test_the_terms_of_its_loss():
    torch.manual_seed(1)
    batch = Batch(torch.randn(8, 3, 64, 32), torch.arange(8) // 2, torch.zeros(8), torch.arange(8))
    model = build().train()
    assert list(model.losses(model(batch), batch)) == ["id", "triplet", "centre"]


def test_the_paper_profile_is_that_of_bot():
    from methods.bot import METHOD as BOT
    from methods.bot import BoTSwitches

    assert METHOD.recipe(AGWSwitches(), "market1501", "paper") == BOT.recipe(BoTSwitches(), "market1501", "paper")


def test_a_value_that_is_none_is_refused_in_one_line():
    with pytest.raises(BadInput, match="gem must be true or false"):
        METHOD.parse({"gem": None}, "row 1")
