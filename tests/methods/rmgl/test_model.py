"""RMGL: its cost by arithmetic, its cut against strips run alone, its losses by brute force."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import BadInput
from harness.measure import count_operations, count_parameters, inference_parameters
from harness.models.backbone import build_backbone
from harness.models.initialisation import load_trunk
from harness.models.reid import Batch
from methods.rmgl import METHOD, RMGLSwitches
from methods.rmgl.losses import metric_loss
from methods.rmgl.pooling import global_pooling
from methods.rmgl.trunk import BranchedTrunk, cut_rows, join_rows

IDENTITIES = 4
RMGL = RMGLSwitches()
BASELINE = RMGLSwitches(receptive_partition=False, activation_balanced_pooling=False, random_shifting=False)
ONLY_RP = RMGLSwitches(original_path=False, activation_balanced_pooling=False, random_shifting=False)


def build(switches: RMGLSwitches = RMGL, seed: int = 0):
    torch.manual_seed(seed)
    return METHOD.build(switches, IDENTITIES, "resnet10")


def in_double(switches: RMGLSwitches, images: int = 3):
    """A network and images in double precision."""
    model = build(switches).eval().double().to(memory_format=torch.channels_last)
    return model, batch_of(images).images.double().to(memory_format=torch.channels_last)


def assert_same(found: torch.Tensor, expected: torch.Tensor) -> None:
    """Equal but for rounding: a convolution may sum in another order for another batch or size."""
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())


def batch_of(images: int = 8, seed: int = 0, height: int = 192, width: int = 64) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return Batch(
        images=torch.randn(images, 3, height, width, generator=generator),
        labels=torch.arange(images) // 2 % IDENTITIES,
        cameras=torch.zeros(images, dtype=torch.int64),
        indices=torch.arange(images),
    )


# --- cost (arithmetic: shared part 225,344, a branch 23,282,688, a reduction 2048 x 256 + 512) ---

SHARED, BRANCH, REDUCTION = 225_344, 23_282_688, 2048 * 256 + 512
COSTS = {
    "2-stripe (BL)": (replace(BASELINE, stripes=(2,)), 1, 3, 25_082_432, 6.08),
    "3-stripe (BL)": (replace(BASELINE, stripes=(3,)), 1, 4, 25_607_232, 6.08),
    "2-stripe+RP": (replace(RMGL, stripes=(2,)), 1, 6, 26_656_832, 11.39),
    "3-stripe+RP": (replace(RMGL, stripes=(3,)), 1, 8, 27_706_432, 11.39),
    "2+3 (BL)": (BASELINE, 2, 7, 50_464_320, 11.39),
    "2+3 only RP": (ONLY_RP, 2, 7, 50_464_320, 11.39),
    "RMGL": (RMGL, 2, 14, 54_137_920, 22.02),
    "RMGL (1+2+3)": (replace(RMGL, stripes=(1, 2, 3)), 3, 15, 77_945_408, 25.25),
    "RMGL (2+3+4)": (replace(RMGL, stripes=(2, 3, 4)), 3, 24, 82_668_608, 32.64),
}


@pytest.mark.parametrize(("switches", "branches", "features", "parameters", "gigamacs"), COSTS.values(), ids=COSTS)
def test_cost_is_what_arithmetic_says(switches, branches, features, parameters, gigamacs):
    assert SHARED + branches * BRANCH + features * REDUCTION == parameters
    with torch.device("meta"):
        model = METHOD.build(switches, IDENTITIES, "resnet50")
    of_classifiers = [parameter for layer in model.classifiers() for parameter in layer.parameters()]
    assert len(of_classifiers) == features
    assert sum(each.numel() for each in model.parameters()) - sum(each.numel() for each in of_classifiers) == parameters
    # The printed arithmetic leaves the reductions out, which the counter takes as linear layers.
    assert count_operations(model, 384, 128)["macs"] / 1e9 == pytest.approx(gigamacs, abs=0.012)


def test_inference_needs_all_parameters_but_the_classifiers():
    assert inference_parameters("rmgl") == COSTS["RMGL"][3] == 54_137_920


def test_the_paths_cost_no_parameters_but_reductions():
    def parameters(switches: RMGLSwitches) -> int:
        return count_parameters(build(switches), 192, 64)["training_without_classifiers"]

    reduction = 256 * 256 + 512
    assert parameters(RMGL) - parameters(BASELINE) == 7 * reduction
    assert parameters(replace(RMGL, path_reductions="shared")) == parameters(BASELINE)
    assert parameters(RMGL) - parameters(replace(RMGL, receptive_global=False)) == 2 * reduction


def test_the_features_are_3584_wide_and_named_as_the_switches_say():
    with torch.device("meta"):
        model = METHOD.build(RMGL, IDENTITIES, "resnet50").eval()
        features = model.embed(torch.zeros(2, 3, 384, 128))
    assert {name: tuple(each.shape) for name, each in features.items()} == dict.fromkeys(
        ("feature", "feature_abp"), (2, 3584)
    )
    assert METHOD.embedding(RMGL) == "feature_abp" and METHOD.embedding(BASELINE) == "feature"


# --- receptive partition (Sec. III-B) ---


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_cutting_takes_the_rows_apart_and_joining_puts_them_together(memory_format):
    features = torch.randn(2, 3, 12, 4).contiguous(memory_format=memory_format)
    cut = cut_rows(features, 3)
    assert cut.shape == (6, 3, 4, 4)
    for image in range(2):
        for part in range(3):
            assert torch.equal(cut[3 * image + part], features[image, :, 4 * part : 4 * part + 4])
    assert torch.equal(join_rows(cut, 3), features)
    if memory_format == torch.channels_last:
        assert cut.data_ptr() == features.data_ptr() and cut.is_contiguous(memory_format=memory_format)


def test_rows_that_the_parts_do_not_divide_are_refused():
    with pytest.raises(BadInput, match="12 rows cannot be cut into 5 equal parts; use another"):
        cut_rows(torch.zeros(1, 3, 12, 4), 5)


def rest_of_the_network(model, branch: int, cut: int):
    """The stages of a branch from the one that is fed with strips to the last."""
    return [*model.trunk.shared, *model.trunk.branches[branch].stages][cut:]


def strips_alone(model, images: torch.Tensor, branch: int, cut: int) -> list[torch.Tensor]:
    """The map at the cut, taken apart by slicing, and the rest of the network run on each part by itself."""
    before = images
    for stage in [*model.trunk.shared, *model.trunk.branches[branch].stages][:cut]:
        before = stage(before)
    outputs = []
    for strip in before.chunk(model.trunk.branches[branch].parts, dim=2):
        for stage in rest_of_the_network(model, branch, cut):
            strip = stage(strip)
        outputs.append(strip)
    return outputs


@torch.inference_mode()
@pytest.mark.parametrize("position", ["input", "res_2", "res_3", "res_4", "res_5"])
def test_the_receptive_path_is_the_rest_of_the_network_on_each_strip(position):
    model, images = in_double(replace(RMGL, stripes=(2, 3, 6), rp_position=position))
    cut = ["input", "res_2", "res_3", "res_4", "res_5"].index(position)
    for branch, maps in enumerate(model.trunk(images)):
        assert_same(maps["receptive"], torch.cat(strips_alone(model, images, branch, cut), 2))


@torch.inference_mode()
def test_nor_does_a_strip_depend_on_the_other_images():
    model, images = in_double(RMGL)
    together = [maps["receptive"] for maps in model.trunk(images)]
    for image in range(3):
        for branch, maps in enumerate(together):
            assert_same(maps[image], torch.cat(strips_alone(model, images[image, None], branch, 2), 2)[0])


@torch.inference_mode()
def test_the_original_path_is_the_network_on_the_whole_image():
    model, images = build().eval(), batch_of(2).images
    for branch, maps in enumerate(model.trunk(images)):
        whole = images
        for stage in rest_of_the_network(model, branch, 0):
            whole = stage(whole)
        assert torch.equal(maps["original"], whole)
        assert not torch.allclose(maps["original"], maps["receptive"])


def rows_seen(path: str, stripes: int, row: int) -> int:
    """Rows of the image (384 high) on which a row of the final map depends, by differentiating it."""
    torch.manual_seed(0)
    trunk = BranchedTrunk(replace(RMGL, stripes=(stripes,)), "resnet50").double().eval()
    images = torch.randn(1, 3, 384, 32, dtype=torch.float64, requires_grad=True)
    (maps,) = trunk(images)
    maps[path][:, :, row].sum().backward()
    return int(images.grad.abs().sum((0, 1, 3)).count_nonzero())


def test_without_a_cut_a_position_sees_what_equation_5_says():
    assert rows_seen("original", 3, row=12) == 363


@pytest.mark.parametrize(("stripes", "row", "seen"), [(2, 11, 206), (3, 12, 159), (4, 8, 127), (6, 8, 95)])
def test_the_cut_restricts_the_receptive_region_as_equation_6_says(stripes, row, seen):
    # r = 35 px at res_conv2c and a jump of 4 px. Of the upper stripe's 223 rows 17, half of r, lie above the image.
    above = 17 if stripes == 2 else 0
    assert rows_seen("receptive", stripes, row) == 35 + (96 // stripes - 1) * 4 - above == seen


def test_only_the_stages_that_some_path_needs_see_the_whole_image():
    switches = replace(ONLY_RP, stripes=(2,), rp_position="input")
    model = build(switches).train()
    seen = []
    model.trunk.shared[0].register_forward_hook(lambda module, inputs, output: seen.append(tuple(inputs[0].shape)))
    model(batch_of(4))
    assert seen == [(8, 3, 96, 64)]


def test_both_paths_update_the_statistics_that_they_share():
    model = build().train()
    model(batch_of())
    for branch in model.trunk.branches:
        assert int(branch.stages[0].layer2[0].bn1.num_batches_tracked) == 2
    assert int(model.trunk.shared[0].bn1.num_batches_tracked) == 1


def test_separate_norms_share_every_convolution_and_nothing_else():
    model = build(replace(RMGL, path_norms="separate")).train()
    model(batch_of())
    for branch in model.trunk.branches:
        for stage, twin in zip(branch.stages, branch.twins, strict=True):
            mine, other = dict(stage.named_parameters()), dict(twin.named_parameters())
            for name, parameter in mine.items():
                assert (parameter is other[name]) == (parameter.dim() == 4), name
        assert int(branch.stages[0].layer2[0].bn1.num_batches_tracked) == 1
        assert int(branch.twins[0].layer2[0].bn1.num_batches_tracked) == 1


@pytest.mark.parametrize("switches", [RMGL, replace(RMGL, path_norms="separate", stripes=(1, 2, 3))])
def test_every_branch_starts_from_its_own_copy_of_the_published_weights(switches):
    weights = build_backbone("resnet10").state_dict()
    model = build(switches)
    assert load_trunk(model, weights, "a test")["missing"] == []
    for branch in model.trunk.branches:
        for stage in [*branch.stages, *branch.twins]:
            for name, value in stage.state_dict().items():
                assert torch.equal(value, weights[name]), name
    first, second = (branch.stages[1].layer3[0].conv1.weight for branch in list(model.trunk.branches)[:2])
    assert first.data_ptr() != second.data_ptr()


def test_the_global_branch_ends_with_a_coarser_map_as_in_mgn():
    model, images = build(replace(RMGL, stripes=(1, 2))).eval(), batch_of(2).images
    alone, local = model.trunk(images)
    assert list(alone) == ["original"] and alone["original"].shape[2:] == (6, 2)
    assert local["original"].shape[2:] == local["receptive"].shape[2:] == (12, 4)


# --- features (Sec. III-A and III-C) ---


@torch.inference_mode()
def test_global_pooling_of_the_receptive_path_is_the_greatest_of_its_strips():
    model, images = in_double(ONLY_RP)
    for branch, maps in enumerate(model.trunk(images)):
        strips = torch.stack([global_pooling(strip) for strip in strips_alone(model, images, branch, 2)])
        assert_same(global_pooling(maps["receptive"]), strips.amax(0))


@torch.inference_mode()
def test_features_are_reduced_maxima_of_the_whole_map_then_of_its_stripes():
    model, batch = build().eval(), batch_of(4)
    found = model(batch).branches
    for branch, maps in enumerate(model.trunk(batch.images)):
        parts = RMGL.stripes[branch]
        expected = []
        for path, features in maps.items():
            height = features.shape[2] // parts
            regions = [features, *(features[:, :, height * part : height * (part + 1)] for part in range(parts))]
            reductions = model.heads[branch][path].reductions
            expected += [reduction(region.amax((2, 3))) for reduction, region in zip(reductions, regions, strict=True)]
        for vector, wanted in zip(found[branch], expected, strict=True):
            torch.testing.assert_close(vector, wanted)


def vectors(features: torch.Tensor, switches: RMGLSwitches) -> list[torch.Tensor]:
    """The 256-d features of an embedding of both paths, in order: per branch and path the global one, then locals."""
    count = sum(len(switches.paths(parts)) * (1 + parts) for parts in switches.stripes)
    return list(features.reshape(len(features), count, -1).unbind(1))


def test_at_test_only_stripes_of_the_original_path_are_balanced():
    model, images = build().eval(), batch_of(4).images
    with torch.inference_mode():
        found = model.embed(images)
    pairs = zip(vectors(found["feature"], RMGL), vectors(found["feature_abp"], RMGL), strict=True)
    moved = [not torch.equal(even, balanced) for even, balanced in pairs]
    # Branch of 2: global, 2 local, then the same of the receptive path; branch of 3 likewise.
    assert moved == [False, True, True, False, False, False, False, True, True, True, False, False, False, False]


def test_both_paths_can_be_balanced():
    switches = replace(RMGL, abp_paths="both")
    with torch.inference_mode():
        found = build(switches).eval().embed(batch_of(4).images)
    pairs = zip(vectors(found["feature"], switches), vectors(found["feature_abp"], switches), strict=True)
    moved = [not torch.equal(even, balanced) for even, balanced in pairs]
    assert moved == [False, True, True, False, True, True, False, True, True, True, False, True, True, True]


def test_training_balances_stripes_only_where_that_is_asked_for():
    batch = batch_of()
    with torch.no_grad():
        test_only = build().train()(batch)
        both = build(replace(RMGL, abp_phase="both")).train()(batch)
        never = build(replace(RMGL, activation_balanced_pooling=False)).train()(batch)
    assert all(torch.equal(a, b) for a, b in zip(test_only.logits, never.logits, strict=True))
    moved = [not torch.equal(a, b) for a, b in zip(test_only.logits, both.logits, strict=True)]
    assert moved[:6] == [False, True, True, False, False, False]


def test_attention_maps_are_the_mean_responses_of_every_path():
    model, images = build().eval(), batch_of(2).images
    with torch.inference_mode():
        maps = model.attention_maps(images)
        two, _ = model.trunk(images)
    assert list(maps) == ["O-2", "RP-2", "O-3", "RP-3"]
    response = two["receptive"].mean(1)
    torch.testing.assert_close(maps["RP-2"], response / response.amax((1, 2), keepdim=True))
    assert all(each.shape == (2, 12, 4) and each.min() >= 0 and each.max() == 1 for each in maps.values())


# --- losses (Eq. 2-4) ---


def brute_force_triplet(features: torch.Tensor, labels: torch.Tensor, margin: float | str) -> float:
    """Eq. 3 with its signs mended, image by image, averaged over anchors."""
    terms = []
    for anchor in range(len(labels)):
        positives, negatives = [], []
        for other in range(len(labels)):
            distance = float((features[anchor] - features[other]).square().sum().sqrt())
            if other != anchor:
                (positives if labels[other] == labels[anchor] else negatives).append(distance)
        gap = max(positives) - min(negatives)
        terms.append(math.log1p(math.exp(gap)) if margin == "soft" else max(0.0, margin + gap))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("margin", [0.6, 4.0, "soft"])
def test_the_triplet_of_a_branch_is_batch_hard_on_all_its_features_side_by_side(margin):
    model, batch = build(replace(RMGL, margin=margin)).eval(), batch_of(8)
    with torch.no_grad():
        features = model(batch)
        loss = model.losses(features, batch)["triplet"].item()
    assert [len(branch) for branch in features.branches] == [6, 8]
    together = [torch.cat(branch, 1).double() for branch in features.branches]
    assert [each.shape[1] for each in together] == [1536, 2048]
    expected = sum(brute_force_triplet(each, batch.labels, margin) for each in together)
    assert loss == pytest.approx(expected, rel=1e-4, abs=1e-4) and expected > 0


@given(seed=st.integers(0, 1000), margin=st.sampled_from([0.4, 0.6, "soft"]))
@settings(max_examples=20, deadline=None)
def test_normalised_triplets_compare_directions(seed, margin):
    generator = torch.Generator().manual_seed(seed)
    branch = [torch.randn(6, 3, generator=generator) for _ in range(2)]
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    unit = torch.cat(branch, 1)
    unit = unit / unit.norm(dim=1, keepdim=True)
    expected = brute_force_triplet(unit.double(), labels, margin)
    assert metric_loss([branch], labels, margin, True).item() == pytest.approx(expected, abs=1e-4)
    scaled = [5 * features for features in branch]
    assert metric_loss([scaled], labels, margin, True).item() == pytest.approx(expected, abs=1e-4)


def test_every_feature_is_classified_by_a_classifier_of_its_own():
    model, batch = build().eval(), batch_of()
    with torch.no_grad():
        features = model(batch)
        losses = model.losses(features, batch)
    assert len(features.logits) == len({id(layer) for layer in model.classifiers()}) == 14
    flat = [vector for branch in features.branches for vector in branch]
    total = 0.0
    for vector, layer in zip(flat, model.classifiers(), strict=True):
        probabilities = (vector @ layer.weight.T).detach().double().softmax(1)
        total -= sum(math.log(probabilities[i, label]) for i, label in enumerate(batch.labels)) / len(batch.labels)
    assert losses["classification"].item() == pytest.approx(total, rel=1e-4)


def test_the_printed_sums_are_the_means_times_the_batch():
    batch = batch_of()
    with torch.no_grad():
        mean, total = (
            model.losses(model(batch), batch)
            for model in (build().eval(), build(replace(RMGL, batch_reduction="sum")).eval())
        )
    assert {name: value.item() for name, value in total.items()} == {
        name: pytest.approx(8 * value.item()) for name, value in mean.items()
    }


def test_heads_start_as_the_readme_says():
    torch.manual_seed(0)
    model = METHOD.build(RMGL, 400, "resnet50")
    linear, norm = model.heads[0]["original"].reductions[0]
    assert linear.bias is None and linear.weight.std().item() == pytest.approx(math.sqrt(2 / 2048), rel=0.02)
    assert norm.weight.mean().item() == pytest.approx(1, abs=0.01) and norm.weight.std().item() < 0.03
    layer = next(iter(model.classifiers()))
    assert layer.bias is None and layer.weight.std().item() == pytest.approx(math.sqrt(2 / 400), rel=0.02)
