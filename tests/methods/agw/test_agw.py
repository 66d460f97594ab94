"""AGW: its attention, pooling and loss against loops, its cost against what peers were measured at."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from harness.errors import BadInput
from harness.machine.computation import Computation
from harness.measure import count_operations, count_parameters
from harness.models.pooling import GeM
from harness.models.reid import Batch
from harness.plan.plan import Plan
from harness.plan.planner import Planner
from harness.plan.selection import Choice
from harness.plan.shelf import Shelf
from harness.recipe import Optimiser
from harness.results.store import Store
from harness.tables import table
from methods.agw import METHOD, AGWSwitches
from methods.agw.attention import NonLocal
from methods.agw.losses import weighted_regularised_triplet
from methods.ddag import METHOD as DDAG
from methods.ddag import DDAGSwitches
from tests.methods.bot.test_bot import batch_hard_by_a_loop

VISIBLE_INFRARED = AGWSwitches(visible_infrared=True)


def visible_infrared_batch() -> Batch:
    """Two images of each modality of each of 4 people, the modalities taking turns."""
    generator = torch.Generator().manual_seed(2)
    images = torch.randn(16, 3, 64, 32, generator=generator)
    flags = torch.arange(16) % 2 == 1
    return Batch(images, torch.arange(16) // 4, torch.zeros(16), torch.arange(16), {"infrared": flags})


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


def weighted_as_released(distances, count_as_best=None):
    """The code's weighted mean: its weights are exponentials over their sum and a millionth."""
    best = max(distances) if count_as_best is None else count_as_best
    exponentials = [math.exp(d - best) for d in distances]
    return sum(d * e for d, e in zip(distances, exponentials, strict=True)) / (sum(exponentials) + 1e-6)


@pytest.mark.parametrize("scale", [1.0, 8.0])
def test_the_released_triplet_loss_agrees_with_loops(scale):
    features, labels = scale * torch.randn(6, 4, generator=torch.Generator().manual_seed(3)), [0, 0, 0, 1, 1, 2]
    total = 0.0
    for anchor, identity in enumerate(labels):
        distances = [math.dist(features[anchor].tolist(), other.tolist()) for other in features]
        far = weighted_as_released([d for d, label in zip(distances, labels, strict=True) if label == identity])
        others = [-d for d, label in zip(distances, labels, strict=True) if label != identity]
        total += math.log1p(math.exp(far + weighted_as_released(others, count_as_best=0.0)))
    found = weighted_regularised_triplet(features, torch.tensor(labels), released=True).item()
    assert found == pytest.approx(total / len(labels), rel=1e-3)


def test_as_released_negatives_that_are_far_away_have_no_weight():
    features, labels = torch.tensor([[0.0], [1.0], [60.0], [61.0]]), torch.tensor([0, 0, 1, 1])
    assert weighted_regularised_triplet(features, labels).item() == pytest.approx(0, abs=1e-6)
    # A positive at distance 1 and the anchor at 0 weigh e : 1.
    far = math.e / (math.e + 1)
    assert weighted_regularised_triplet(features, labels, released=True).item() == pytest.approx(
        math.log1p(math.exp(far)), rel=1e-4
    )


def test_the_gradient_is_finite_where_an_anchor_is_alone():
    features = torch.randn(3, 4, requires_grad=True)
    weighted_regularised_triplet(features, torch.tensor([0, 1, 1])).backward()
    assert torch.isfinite(features.grad).all()


def test_the_terms_of_its_loss():
    torch.manual_seed(1)
    batch = Batch(torch.randn(8, 3, 64, 32), torch.arange(8) // 2, torch.zeros(8), torch.arange(8))
    model = build().train()
    torch.nn.init.normal_(model.classifier.weight)
    features = model(batch)
    losses = model.losses(features, batch)
    assert list(losses) == ["id", "triplet", "centre"]
    torch.testing.assert_close(losses["id"], F.cross_entropy(features.logits, batch.labels, label_smoothing=0.1))
    unweighted = build(AGWSwitches(weighted_triplet=False)).losses(features, batch)["triplet"].item()
    assert unweighted == pytest.approx(
        batch_hard_by_a_loop(features.pooled.detach(), batch.labels.tolist(), 0.3), rel=1e-4
    )


def test_the_paper_profile_is_that_of_bot():
    from methods.bot import METHOD as BOT
    from methods.bot import BoTSwitches

    recipe = METHOD.recipe(AGWSwitches(), "market1501", "paper")
    assert recipe.optimiser == Optimiser("adam", rate=3.5e-4, weight_decay=5e-4)
    assert METHOD.recipe(AGWSwitches(), "market1501", "paper") == BOT.recipe(BoTSwitches(), "market1501", "paper")


def test_a_value_that_is_none_is_refused_in_one_line():
    with pytest.raises(BadInput, match="gem must be true or false"):
        METHOD.parse({"gem": None}, "row 1")


# --- between visible and infrared images ---


def test_two_streams_add_a_stem_and_the_attention_stands_in_the_shared_stages():
    with torch.device("meta"):
        two = METHOD.build(VISIBLE_INFRARED, 395, "resnet50")
        one = METHOD.build(AGWSwitches(), 395, "resnet50")
        baseline = DDAG.build(DDAGSwitches(part_attention=False, graph=False), 395, "resnet50")
    sizes = [
        sum(parameter.numel() for name, parameter in model.named_parameters() if not name.startswith("classifier"))
        for model in (two, one, baseline)
    ]
    stem = 64 * 3 * 7 * 7 + 2 * 64
    # A block of C channels: three embeddings to one, one back with BN; GeM has one exponent.
    blocks = sum(3 * (channels + 1) + 2 * channels + 2 * channels for channels in (512, 512, 1024, 1024, 1024))
    assert sizes[0] == sizes[1] + stem == sizes[2] + blocks + 1
    assert list(two.attention) == list(one.attention)


def test_without_its_three_letters_it_is_the_two_stream_baseline_of_ddag():
    torch.manual_seed(0)
    baseline = DDAG.build(DDAGSwitches(part_attention=False, graph=False), 4, "resnet10")
    stripped = build(AGWSwitches(attention=False, gem=False, weighted_triplet=False, visible_infrared=True))
    stripped.load_state_dict(baseline.state_dict())
    batch = visible_infrared_batch()
    ours, theirs = stripped.train().losses(stripped(batch), batch), baseline.train().losses(baseline(batch), batch)
    assert list(ours) == list(theirs) == ["id", "triplet"]
    for name, loss in theirs.items():
        torch.testing.assert_close(ours[name], loss)
    embedded = stripped.eval().embed(batch.images, batch.priors)["feature"]
    torch.testing.assert_close(embedded, baseline.eval().embed(batch.images, batch.priors)["f"])


def test_attention_acts_on_both_modalities():
    model, batch = build(VISIBLE_INFRARED).eval(), visible_infrared_batch()
    before = model.embed(batch.images, batch.priors)["feature"]
    torch.nn.init.ones_(model.attention["3_0"].w[1].weight)
    assert (model.embed(batch.images, batch.priors)["feature"] != before).any(dim=1).all()


@pytest.mark.parametrize("call", ["forward", "embed"])
def test_images_of_unknown_modality_are_refused_in_one_line(call):
    model, batch = build(VISIBLE_INFRARED), visible_infrared_batch()
    with pytest.raises(BadInput, match=r"^agw: .*which images are infrared was not given"):
        model(replace(batch, priors={})) if call == "forward" else model.embed(batch.images)


@pytest.mark.parametrize("profile", ["paper", "budget", "demo"])
def test_it_is_trained_as_the_release_of_ddag_trains_its_own(profile):
    ours = METHOD.recipe(VISIBLE_INFRARED, "sysu_all", profile)
    theirs = DDAG.recipe(DDAGSwitches(variant="released"), "sysu_all", profile)
    assert replace(ours, optimiser=theirs.optimiser) == theirs
    assert replace(ours.optimiser, multipliers=theirs.optimiser.multipliers) == theirs.optimiser
    ((_, slower),) = theirs.optimiser.multipliers
    assert dict(ours.optimiser.multipliers) == {"trunk.": slower, "attention.": slower, "pool.": slower}


def test_between_modalities_the_paper_trains_what_stands_before_the_neck_at_a_tenth():
    def optimiser(**switches):
        return METHOD.recipe(replace(VISIBLE_INFRARED, **switches), "sysu_all", "paper").optimiser

    slow = (("trunk.", 0.1), ("attention.", 0.1), ("pool.", 0.1))
    assert optimiser() == Optimiser("sgd", rate=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True, multipliers=slow)
    # A part that is switched off has no rate.
    assert optimiser(attention=False).multipliers == (slow[0], slow[2])
    assert optimiser(gem=False).multipliers == slow[:2]


def test_a_row_of_ddags_table_is_the_same_run_as_that_of_agws_own(tmp_path):
    plan = Plan()
    planner = Planner(Shelf(tmp_path), Store(tmp_path / "results"), Computation(bfloat16=False), draw=False)
    for table_id, name in (("agw_visible_infrared", "AGW"), ("ddag_sysu", "AGW [59]")):
        wanted = table(table_id)
        planner.add(plan, Choice(wanted, (wanted.row(name),), ("sysu_all", "sysu_indoor"), "paper"))
    (run,) = plan.runs.values()
    assert run.method.id == "agw" and len(plan.cells_of(run)) == 4
    assert {planned.method for planned in plan.cells} == {"agw"}
