"""DDAG: its stems, part attention and graph against loops, its losses against their equations, its size, its resume."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from harness.errors import BadInput
from harness.losses import batch_hard_triplet
from harness.measure import count_operations, count_parameters, inference_parameters
from harness.models.initialisation import load_trunk
from harness.models.reid import Batch
from harness.training.batches import TrainingData
from harness.training.loop import train
from harness.training.machine import Machine
from harness.training.optimisation import build_optimiser
from harness.training.step import training_step
from methods.ddag import METHOD, DDAGSwitches
from methods.ddag.graph_attention import GraphAttention, GraphAttentionLayer, neighbourhood
from methods.ddag.losses import dynamic_weight
from methods.ddag.neck import Neck
from methods.ddag.part_attention import PartAttention

IDENTITIES = 4
CPU = Machine(torch.device("cpu"), bfloat16=False)
FULL = DDAGSwitches()
RELEASED = DDAGSwitches(variant="released")
BASELINE = DDAGSwitches(part_attention=False, graph=False)
PART = DDAGSwitches(graph=False)
GRAPH = DDAGSwitches(part_attention=False)


def batch_of(seed: int = 0, height: int = 64, width: int = 32) -> Batch:
    """Noise images of 4 identities, of each 2 visible and 2 infrared, all visible ones first."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(IDENTITIES).repeat_interleave(2).repeat(2)
    count = len(labels)
    return Batch(
        images=torch.randn(count, 3, height, width, generator=generator),
        labels=labels,
        cameras=torch.ones(count, dtype=torch.int64),
        indices=torch.arange(count),
        priors={"infrared": torch.arange(count) >= count // 2},
    )


def build(switches: DDAGSwitches = FULL, seed: int = 0, identities: int = IDENTITIES):
    torch.manual_seed(seed)
    return METHOD.build(switches, identities, "resnet10")


# --- size (brief, Sec. 1) ---


@pytest.mark.parametrize(
    ("switches", "parameters"),
    [(RELEASED, 36_114_819), (BASELINE, 23_521_664), (FULL, 36_114_819 - 2 * 2048)],
    ids=["released", "baseline", "paper has no second neck"],
)
def test_inference_needs_as_many_parameters_as_the_released_model_without_classifiers(switches, parameters):
    assert inference_parameters("ddag", switches) == parameters


@pytest.mark.parametrize(("switches", "layers"), [(RELEASED, 5_008_150), (FULL, 2_504_470)])
def test_the_graph_adds_its_layers_in_training_only(switches, layers):
    with torch.device("meta"):
        graph = GraphAttention(2048, 395, switches)
    assert sum(parameter.numel() for parameter in graph.parameters()) == layers


def test_one_image_takes_5_168_billion_multiply_adds():
    with torch.device("meta"):
        model = METHOD.build(RELEASED, 395, "resnet50")
    assert count_operations(model, 288, 144, ("infrared",))["macs"] == 5_167_706_112
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert frozen == {"neck.bias", "part_attention.outer_neck.bias"}
    assert count_parameters(model, 288, 144, ("infrared",))["training_without_classifiers"] == 41_122_969 - 2 * 2048


# --- two streams (Sec. 3.1) ---


def test_each_modality_has_a_stem_and_rows_keep_their_order():
    model, batch = build().eval(), batch_of()
    shuffled = torch.randperm(len(batch.images), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found = model.trunk(batch.images[shuffled], batch.priors["infrared"][shuffled])
        expected = [
            model.trunk.shared(model.trunk.stems[int(infrared)](image[None]))[0]
            for image, infrared in zip(batch.images, batch.priors["infrared"], strict=True)
        ]
    torch.testing.assert_close(found, torch.stack(expected)[shuffled], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("infrared", [False, True])
def test_images_of_one_modality_leave_the_other_stem_alone(infrared):
    model, batch = build().train(), batch_of()
    model.trunk(batch.images, torch.full((16,), infrared))
    batches = [int(stem.bn1.num_batches_tracked) for stem in model.trunk.stems]
    assert batches == [int(not infrared), int(infrared)]


def test_all_images_share_the_statistics_behind_the_stems():
    model, batch = build().train(), batch_of()
    low = torch.cat([stem(half) for stem, half in zip(model.trunk.stems, batch.images.chunk(2), strict=True)])
    expected = model.trunk.shared(low)
    torch.testing.assert_close(model.trunk(batch.images, batch.priors["infrared"]), expected)


def test_published_weights_are_loaded_into_both_stems():
    from harness.models.backbone import build_backbone

    model = build()
    weights = {name: torch.randn_like(value.float()) for name, value in build_backbone("resnet10").state_dict().items()}
    load_trunk(model, weights, "a test")
    for stem in model.trunk.stems:
        assert torch.equal(stem.conv1.weight, weights["conv1.weight"])
    assert torch.equal(model.trunk.shared.layer4[0].conv1.weight, weights["layer4.0.conv1.weight"])


@pytest.mark.parametrize("call", ["forward", "embed"])
def test_a_batch_that_does_not_say_which_images_are_infrared_is_refused(call):
    model, batch = build(), batch_of()
    with pytest.raises(BadInput, match="which images are infrared was not given"):
        model(replace(batch, priors={})) if call == "forward" else model.embed(batch.images)


def test_the_necks_shift_is_never_trained():
    model, batch = build(RELEASED).train(), batch_of()
    optimiser = build_optimiser(model, METHOD.recipe(RELEASED, "sysu_all", "paper").optimiser)
    training_step(model, batch, optimiser, CPU)
    assert not model.neck.bias.any() and not model.part_attention.outer_neck.bias.any()
    assert model.classifier.bias is None


def test_the_necks_scales_start_at_1_with_a_deviation_of_a_hundredth():
    torch.manual_seed(0)
    neck = Neck(2048)
    assert float(neck.weight.detach().mean()) == pytest.approx(1, abs=1e-3)
    assert float(neck.weight.detach().std()) == pytest.approx(0.01, rel=0.1)


@pytest.mark.parametrize("neighbours", [1, 8])
@pytest.mark.parametrize("residual", ["res", "rbn"])
def test_the_graph_takes_x_o_and_the_part_attention_f_for_its_residual(residual, neighbours):
    model, batch = build(replace(FULL, part_residual=residual, graph_neighbours=neighbours)).eval(), batch_of()
    model.neck.running_mean.fill_(0.3)
    model.neck.running_var.fill_(4.0)
    with torch.inference_mode():
        found, embedded = model(batch), model.embed(batch.images, batch.priors)
        maps = model.trunk(batch.images, batch.priors["infrared"])
        x_o = maps.mean((2, 3))
        f = (x_o - 0.3) / (4 + 1e-5) ** 0.5 * model.neck.weight
        x_star = torch.stack([sum(loop_part_attention(model.part_attention, image)) / 3 for image in maps])
        x_star = x_star + (f if residual == "rbn" else x_o)
        graph = torch.eye(16, dtype=torch.bool)
        if neighbours == 8:
            graph = batch.labels[:, None] == batch.labels[None, :]
        assert (f - x_o).abs().max() > 0.1
        torch.testing.assert_close(found.pooled, x_o)
        torch.testing.assert_close(found.graph_logits, model.graph_attention(x_o, graph))
        torch.testing.assert_close(found.logits, f @ model.classifier.weight.T)
        torch.testing.assert_close(found.part_logits, x_star @ model.classifier.weight.T)
        torch.testing.assert_close(embedded, {"f": f, "x_star": x_star})


def test_the_graphs_loss_reaches_both_stems():
    model, batch = build().train(), batch_of()
    loss = F.cross_entropy(model(batch).graph_logits, batch.labels)
    gradients = torch.autograd.grad(loss, [stem.conv1.weight for stem in model.trunk.stems])
    assert all(gradient.abs().max() > 0 for gradient in gradients)


# --- part attention (Sec. 3.2) ---


def loop_part_attention(module: PartAttention, features: torch.Tensor) -> torch.Tensor:
    """Part features of Eq. 2-4 for one image, part by part: p vectors of C."""
    height, p = features.shape[1], module.switches.parts
    parts = [features[:, k * height // p : -(-(k + 1) * height // p)].mean((1, 2)) for k in range(p)]
    attended = []
    for i in range(p):
        similar = [torch.exp(module.u(parts[i]) @ module.v(parts[j])) for j in range(p)]
        attended.append(sum(similar[j] / sum(similar) * module.z(parts[j]) for j in range(p)))
    return torch.stack(attended)


@pytest.mark.parametrize("variant", ["paper", "released"])
@pytest.mark.parametrize("residual", ["none", "res", "rbn"])
@pytest.mark.parametrize("aggregation", ["avg", "concat", "weight"])
def test_x_star_is_equation_5_and_the_designs_of_table_2(aggregation, residual, variant):
    switches = DDAGSwitches(part_aggregation=aggregation, part_residual=residual, variant=variant, graph=False)
    torch.manual_seed(0)
    module = PartAttention(6, switches).eval()
    weights = torch.tensor([0.2, -0.4, 0.9])
    if aggregation == "weight":
        module.part_weights.data = weights
    features, f = torch.randn(2, 6, 9, 4), torch.randn(2, 6)
    pooled = features.mean((2, 3))
    added = {"none": torch.zeros_like(f), "res": pooled, "rbn": f}[residual]
    if variant == "released":
        weights = torch.exp(weights) / torch.exp(weights).sum()
    expected = []
    for image in range(2):
        parts = loop_part_attention(module, features[image])
        if aggregation == "concat":
            expected.append(torch.cat([part + added[image] for part in parts]))
        else:
            mixed = parts.mean(0) if aggregation == "avg" else sum(w * x for w, x in zip(weights, parts, strict=True))
            expected.append(mixed + added[image])
    wanted = torch.stack(expected)
    if residual == "rbn" and variant == "released":
        # Fresh running statistics are 0 and 1: the second neck only scales.
        wanted = wanted / (1 + 1e-5) ** 0.5 * module.outer_neck.weight
    torch.testing.assert_close(module(features, pooled, f), wanted)


@given(parts=st.integers(1, 6), seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_rows_of_the_part_attention_sum_to_1(parts, seed):
    torch.manual_seed(seed)
    module = PartAttention(8, DDAGSwitches(parts=parts))
    attention = module.attention(module.part_features(torch.randn(3, 8, 9, 4)))
    assert attention.shape == (3, parts, parts) and attention.min() >= 0
    torch.testing.assert_close(attention.sum(2), torch.ones(3, parts))


@pytest.mark.parametrize(("height", "parts"), [(18, 3), (18, 4), (9, 6)])
def test_parts_are_the_stripes_of_adaptive_pooling(height, parts):
    features = torch.randn(2, 5, height, 4)
    found = PartAttention(5, DDAGSwitches(parts=parts)).part_features(features)
    torch.testing.assert_close(found, F.adaptive_avg_pool2d(features, (parts, 1))[..., 0].transpose(1, 2))


def test_part_weights_start_even_and_the_released_ones_stay_positive_with_sum_1():
    for switches in (FULL, RELEASED):
        module = PartAttention(4, switches)
        torch.testing.assert_close(module.weights(), torch.full((3,), 1 / 3))
        module.part_weights.data = torch.tensor([-3.0, 1.0, 2.0])
        weights = module.weights()
        if switches is RELEASED:
            assert weights.min() > 0 and float(weights.sum().detach()) == pytest.approx(1)
        else:
            assert weights.tolist() == [-3, 1, 2]


@pytest.mark.parametrize("switches", [FULL, RELEASED])
def test_parts_attend_only_inside_their_own_image(switches):
    model, batch = build(switches).eval(), batch_of()
    with torch.inference_mode():
        before = model.embed(batch.images, batch.priors)["x_star"]
        changed = batch.images.clone()
        changed[5] += torch.randn(changed[5].shape)
        after = model.embed(changed, batch.priors)["x_star"]
    others = torch.arange(len(before)) != 5
    torch.testing.assert_close(after[others], before[others], rtol=1e-5, atol=1e-6)
    assert (after[5] - before[5]).abs().max() > 1e-2


def test_x_star_and_f_share_the_classifier_but_for_concatenated_parts():
    batch = batch_of()
    for switches, own in ((PART, False), (replace(PART, part_aggregation="concat"), True)):
        model = build(switches).eval()
        model.classifier.weight.data.zero_()
        features = model(batch)
        assert not features.logits.any()
        assert bool(features.part_logits.any()) is own
        assert len(list(model.classifiers())) == 1 + own


# --- graph attention (Sec. 3.3) ---


def dense_loop_graph(layer: GraphAttentionLayer, nodes: torch.Tensor, graph: torch.Tensor) -> torch.Tensor:
    """Eq. 7-8, node by node and head by head, heads side by side."""
    rows = []
    for i in range(len(nodes)):
        heads = []
        for transform, attention in zip(layer.transform, layer.attention[..., 0], strict=True):
            neighbours = [j for j in range(len(nodes)) if graph[i, j]]
            pairs = [torch.cat([nodes[i] @ transform, nodes[j] @ transform]) @ attention for j in neighbours]
            raw = torch.stack([score if score > 0 else 0.2 * score for score in pairs]).exp()
            mixed = sum(share * (nodes[j] @ transform) for share, j in zip(raw / raw.sum(), neighbours, strict=True))
            heads.append(torch.where(mixed > 0, mixed, mixed.exp() - 1))
        rows.append(torch.cat(heads))
    return torch.stack(rows)


def test_the_graph_equals_a_dense_loop_over_nodes_and_heads():
    torch.manual_seed(0)
    batch = batch_of()
    module = GraphAttention(10, IDENTITIES, FULL).eval()
    graph = batch.labels[:, None] == batch.labels[None, :]
    pooled = torch.randn(16, 10)
    hidden = dense_loop_graph(module.heads, pooled, graph)
    assert hidden.shape == (16, 4 * 256)
    torch.testing.assert_close(module(pooled, graph), dense_loop_graph(module.output, hidden, graph))


def test_graph_coefficients_sum_to_1_over_the_neighbours_and_are_0_elsewhere():
    layer, batch = GraphAttentionLayer(6, 5, heads=3), batch_of()
    graph = neighbourhood(batch.labels, batch.priors["infrared"], 2)
    shares = layer.coefficients(torch.randn(16, 6) @ layer.transform, graph)
    torch.testing.assert_close(shares.sum(2), torch.ones(3, 16))
    assert not shares[:, ~graph].any() and (shares[:, graph] > 0).all()


@pytest.mark.parametrize("training", [True, False])
def test_a_fifth_of_nodes_heads_and_both_attention_matrices_is_dropped_in_training_only(training, monkeypatch):
    dropped = []

    def dropout(values, share, active):
        dropped.append((values, share, active))
        return values

    monkeypatch.setattr(F, "dropout", dropout)
    batch, nodes = batch_of(), torch.randn(16, 10)
    graph = batch.labels[:, None] == batch.labels[None, :]
    module = GraphAttention(10, IDENTITIES, FULL).train(training)
    module(nodes, graph)
    assert [(share, active) for _, share, active in dropped] == [(0.2, training)] * 4
    first, matrices, heads, matrix = (values for values, _, _ in dropped)
    assert first is nodes and heads.shape == (16, 4 * 256)
    assert (matrices.shape, matrix.shape) == ((4, 16, 16), (1, 16, 16))
    torch.testing.assert_close(torch.cat([matrices, matrix]).sum(2), torch.ones(5, 16))


def test_each_graph_head_starts_xavier_uniform_with_gain_1_414():
    torch.manual_seed(0)
    layer = GraphAttentionLayer(96, 32, heads=3)
    for head in range(3):
        for values, bound in (
            (layer.transform[head], 1.414 * (6 / (96 + 32)) ** 0.5),
            (layer.attention[head], 1.414 * (6 / (2 * 32 + 1)) ** 0.5),
        ):
            assert 0.9 * bound < values.detach().abs().max() <= bound
            assert float(values.detach().std()) == pytest.approx(bound / 3**0.5, rel=0.2)


def test_the_released_graph_layers_are_twice_as_wide():
    assert build(RELEASED).graph_attention.heads.transform.shape == (4, 256, 512)
    assert build(FULL).graph_attention.heads.transform.shape == (4, 256, 256)
    assert build(replace(FULL, heads=2)).graph_attention.output.transform.shape == (1, 512, IDENTITIES)


def paper_batch(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Labels and modality of a batch of 8 identities, 4 visible and 4 infrared images each, in any order."""
    order = torch.randperm(64, generator=torch.Generator().manual_seed(seed))
    return torch.arange(8).repeat_interleave(8)[order], (torch.arange(64) % 2 == 1)[order]


@given(images=st.integers(1, 8), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_a_node_attends_to_itself_and_to_as_many_images_of_each_modality(images, seed):
    labels, infrared = paper_batch(seed)
    graph = neighbourhood(labels, infrared, images)
    assert graph.diagonal().all() and not graph[labels[:, None] != labels[None, :]].any()
    beside = graph & (infrared[:, None] == infrared[None, :])
    assert set(beside.sum(1).tolist()) == {-(-images // 2)}
    assert set((graph & ~beside).sum(1).tolist()) == {images // 2}


def test_eight_neighbours_are_the_whole_identity_and_one_is_the_node_alone():
    labels, infrared = paper_batch(3)
    assert torch.equal(neighbourhood(labels, infrared, 8), labels[:, None] == labels[None, :])
    assert torch.equal(neighbourhood(labels, infrared, 1), torch.eye(64, dtype=torch.bool))


def test_inference_never_runs_the_graph():
    model, batch = build().eval(), batch_of()

    def refuse(*arguments):
        raise AssertionError("the graph ran")

    model.graph_attention.forward = refuse
    assert set(model.embed(batch.images, batch.priors)) == {"f", "x_star"}
    with pytest.raises(AssertionError):
        model(batch)


# --- losses (Eq. 1, 9-11) ---


@pytest.mark.parametrize(
    ("switches", "names"),
    [
        (BASELINE, {"id", "triplet"}),
        (PART, {"id", "triplet", "part"}),
        (GRAPH, {"id", "triplet", "graph"}),
        (FULL, {"id", "triplet", "part", "graph"}),
    ],
)
def test_each_row_of_table_1_minimises_its_own_terms(switches, names):
    model, batch = build(switches).train(), batch_of()
    assert set(model.losses(model(batch), batch)) == names


def test_the_losses_are_their_equations():
    model, batch = build(replace(FULL, dual_aggregation="none")).train(), batch_of()
    features = model(batch)
    losses = model.losses(features, batch)
    for name, logits in (("id", features.logits), ("part", features.part_logits), ("graph", features.graph_logits)):
        expected = -torch.stack(
            [row.log_softmax(0)[label] for row, label in zip(logits, batch.labels, strict=True)]
        ).mean()
        torch.testing.assert_close(losses[name], expected)
    gaps = []
    for anchor, label in zip(features.pooled, batch.labels, strict=True):
        distances = [(anchor - other).square().sum().sqrt() for other in features.pooled]
        same = [distance for distance, other in zip(distances, batch.labels, strict=True) if other == label]
        rest = [distance for distance, other in zip(distances, batch.labels, strict=True) if other != label]
        gaps.append((max(same) - min(rest) + 0.3).clamp(min=0))
    torch.testing.assert_close(losses["triplet"], torch.stack(gaps).mean(), rtol=1e-3, atol=1e-4)
    unit = F.normalize(features.pooled)
    assert losses["triplet"] != batch_hard_triplet(torch.cdist(unit, unit), batch.labels, 0.3)


def test_the_graph_waits_in_the_first_epoch_and_then_counts_by_equation_11():
    model, batch = build().train(), batch_of()
    assert float(model.losses(model(batch), batch)["graph"].detach()) == 0
    model.end_epoch({"id": 2.0, "triplet": 0.5, "part": 1.5, "graph": 100.0})
    features = model(batch)
    expected = F.cross_entropy(features.graph_logits, batch.labels) / (1 + 4.0)
    torch.testing.assert_close(model.losses(features, batch)["graph"], expected)


def test_without_part_attention_the_weight_follows_the_baselines_loss_alone():
    assert dynamic_weight({"id": 2.0, "triplet": 1.0, "graph": 5.0}) == 0.25


def small_data(seed: int = 0) -> TrainingData:
    """Coloured noise of 8 people, 3 visible and 2 infrared images each, at the size that training steps are fast."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(8), 5)
    infrared = np.tile([False, False, False, True, True], 8)
    tints = rng.integers(0, 200, (8, 3))
    images = (tints[labels][:, None, None] + rng.integers(0, 56, (40, 48, 24, 3))).astype(np.uint8)
    return TrainingData(images, labels, np.where(infrared, 3, 1), {"infrared": infrared})


class Killed(Exception):
    """Stands for a kill between two epochs."""


def test_a_resumed_run_has_the_weights_and_the_dynamic_weight_of_an_uninterrupted_one(tmp_path):
    small = replace(METHOD.recipe(FULL, "sysu_all", "demo"), height=48, width=24, epochs=3)

    def trained(folder, stop_after=None):
        def epoch_done(epoch, log):
            if epoch == stop_after:
                raise Killed

        model = build(FULL, identities=8)
        log = train(model, small_data(), small, 0, CPU, tmp_path / folder, epoch_done)
        return model, log

    straight, log = trained("straight.pt")
    with pytest.raises(Killed):
        trained("killed.pt", stop_after=2)
    resumed, resumed_log = trained("killed.pt")
    means = {name: values[-1] for name, values in log["losses"].items()}
    assert float(straight.graph_weight) == pytest.approx(1 / (1 + means["id"] + means["triplet"] + means["part"]))
    assert log["losses"]["graph"][0] == 0 < log["losses"]["graph"][1]
    assert resumed_log["losses"] == log["losses"]
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
