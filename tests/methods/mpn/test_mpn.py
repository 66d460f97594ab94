"""MPN: its prior against loops, its sharing, its losses against their equations, and every switch."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from harness.errors import BadInput
from harness.models.reid import Batch
from harness.models.stripes import stripes
from harness.training.optimisation import build_optimiser
from methods.mpn import METHOD, MPNSwitches
from methods.mpn.losses import batch_wise, class_wise, sample_wise
from methods.mpn.priors import CoarsePrior, coarse_prior, dilate, rectify

IDENTITIES = 4
NAIVE = MPNSwitches(ca=False, ca_shared=False, c1_shared=False, c2_shared=False, fsa="none")
SUMMED = replace(NAIVE, fsa="summed_triplet", triplet_on="h_plus_g")
MT_ONLY = replace(NAIVE, tasks="mt_only", mtl=False, prior="none")
BASELINE = replace(NAIVE, tasks="at_only", mtl=False, prior="uniform", test_prior="uniform", triplet_on="g")
UPPER_BOUND = replace(BASELINE, prior="mask_roi", test_prior="mask_roi")


def person(head=range(6, 14), legs=range(34, 58), columns=range(10, 22)) -> torch.Tensor:
    """A parsing map: head, torso and the left leg, at those rows and columns."""
    parsing = torch.zeros(64, 32, dtype=torch.int64)
    parsing[head.start : legs.stop, columns.start : columns.stop] = 2
    parsing[head.start : head.stop, columns.start : columns.stop] = 1
    parsing[legs.start : legs.stop, columns.start : columns.stop] = 3
    return parsing


def batch_of(images: int = 8, seed: int = 0, height: int = 192, width: int = 64) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    parsing = torch.stack([person(range(4 + i, 12 + i)) for i in range(images)])
    return Batch(
        images=torch.randn(images, 3, height, width, generator=generator),
        labels=torch.arange(images) // 2 % IDENTITIES,
        cameras=torch.zeros(images, dtype=torch.int64),
        indices=torch.arange(images),
        priors={"parsing": parsing, "segmentation": parsing > 0},
    )


def build(switches: MPNSwitches = MPNSwitches(), seed: int = 0):  # noqa: B008
    torch.manual_seed(seed)
    return METHOD.build(switches, IDENTITIES, "resnet10")


# --- the coarse prior (Sec. 3.2) ---


def loop_prior(parsing: torch.Tensor, segmentation: torch.Tensor, height: int, width: int, parts: int):
    """Steps of Fig. 5(a) for one image, cell by cell."""
    rows, columns = parsing.shape
    count = {label: int((parsing == label).sum()) for label in range(5)}
    present = {label: count[label] >= 0.002 * rows * columns for label in count}
    whole = torch.ones(height, width), 0, height - 1
    if not (present[1] and (present[3] or present[4])):
        return whole

    def at(y: int, x: int) -> float:
        y, x = min(max(y, 0), rows - 1), min(max(x, 0), columns - 1)
        return float(parsing[y, x] > 0 or segmentation[y, x])

    small = torch.zeros(height, width)
    for i in range(height):
        for j in range(width):
            y = max((i + 0.5) * rows / height - 0.5, 0)
            x = max((j + 0.5) * columns / width - 0.5, 0)
            top, left, dy, dx = math.floor(y), math.floor(x), y % 1, x % 1
            value = (1 - dy) * ((1 - dx) * at(top, left) + dx * at(top, left + 1))
            value += dy * ((1 - dx) * at(top + 1, left) + dx * at(top + 1, left + 1))
            small[i, j] = value > 0.5
    mask = small.clone()
    for i in range(height):
        for j in range(1, width):
            mask[i, j] = max(small[i, j], small[i, j - 1])
    occupied = [i for i in range(height) if mask[i].any()]
    if not occupied or occupied[-1] - occupied[0] + 1 < parts:
        return whole
    return mask, occupied[0], occupied[-1]


@given(seed=st.integers(0, 10_000), size=st.sampled_from([(24, 8), (12, 4)]))
@settings(max_examples=25, deadline=None)
def test_mask_and_boundaries_agree_with_a_loop_over_cells(seed, size):
    generator = torch.Generator().manual_seed(seed)
    first, length, left = (int(torch.randint(*span, (), generator=generator)) for span in ((0, 30), (6, 30), (0, 20)))
    parsing = person(range(first, first + 4), range(first + 4, first + length), range(left, left + 9))
    segmentation = torch.rand(64, 32, generator=generator) > 0.9
    found = coarse_prior(parsing[None], segmentation[None], *size, 6)
    mask, top, bottom = loop_prior(parsing, segmentation, *size, 6)
    assert torch.equal(found.mask[0], mask)
    assert (int(found.top), int(found.bottom)) == (top, bottom)


@pytest.mark.parametrize("absent", ["head", "legs", "both", "body"])
def test_without_head_or_legs_or_rows_enough_the_whole_image_is_divided(absent):
    parsing = person()
    if absent == "body":
        parsing = person(range(30, 32), range(32, 36))
    else:
        parsing[(parsing == 1) & (absent in ("head", "both"))] = 2
        parsing[(parsing == 3) & (absent in ("legs", "both"))] = 2
    found = coarse_prior(parsing[None], parsing[None] > 0, 24, 8, 6)
    assert found.mask.min() == 1 and int(found.top) == 0 and int(found.bottom) == 23
    features = torch.randn(1, 3, 24, 8)
    torch.testing.assert_close(rectify(features, found, use_mask=True), features, rtol=0, atol=0)


def test_one_leg_is_enough_and_five_of_2048_pixels_are_a_part():
    parsing = person()
    parsing[parsing == 1] = 2
    parsing[6, 12:17] = 1
    assert int(coarse_prior(parsing[None], parsing[None] > 0, 24, 8, 6).top) > 0
    parsing[6, 16] = 2
    assert int(coarse_prior(parsing[None], parsing[None] > 0, 24, 8, 6).top) == 0


def test_dilation_grows_one_cell_to_the_right():
    mask = torch.tensor([[[False, True, False, False], [False, False, False, True]]])
    assert dilate(mask).tolist() == [[[False, True, True, False], [False, False, False, True]]]


def test_a_mirrored_person_has_the_mirrored_mask_but_for_the_side_the_kernel_grows_to():
    parsing = person(columns=range(4, 13))
    plain = coarse_prior(parsing[None], parsing[None] > 0, 24, 8, 6)
    mirrored = coarse_prior(parsing.flip(1)[None], parsing.flip(1)[None] > 0, 24, 8, 6)
    assert (int(plain.top), int(plain.bottom)) == (int(mirrored.top), int(mirrored.bottom))
    # Both masks are the undilated one plus a column: to its right in one, to its left in the mirror of the other.
    assert torch.equal(plain.mask.flip(2)[..., :-1], mirrored.mask[..., 1:])
    assert not torch.equal(plain.mask.flip(2), mirrored.mask)


@given(top=st.integers(0, 11), extent=st.integers(1, 12), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_rectifying_is_a_bilinear_resize_of_the_masked_crop(top, extent, seed):
    generator = torch.Generator().manual_seed(seed)
    bottom = min(top + extent, 12) - 1
    features = torch.randn(1, 3, 12, 4, generator=generator)
    mask = (torch.rand(1, 12, 4, generator=generator) > 0.3).float()
    prior = CoarsePrior(mask, torch.tensor([top]), torch.tensor([bottom]))
    crop = (features * mask[:, None])[:, :, top : bottom + 1]
    expected = F.interpolate(crop, (12, 4), mode="bilinear", align_corners=False)
    torch.testing.assert_close(rectify(features, prior, use_mask=True), expected)
    unmasked = F.interpolate(features[:, :, top : bottom + 1], (12, 4), mode="bilinear", align_corners=False)
    torch.testing.assert_close(rectify(features, prior, use_mask=False), unmasked)


@pytest.mark.parametrize(("height", "parts"), [(24, 6), (12, 6), (24, 1), (12, 8), (12, 5)])
def test_stripes_divide_the_height_as_adaptive_pooling_does(height, parts):
    column = torch.randn(1, 1, height, 1)
    pooled = torch.stack([column[:, :, rows].amax((2, 3)) for rows in stripes(height, parts)], 2)
    torch.testing.assert_close(pooled, F.adaptive_max_pool2d(column, (parts, 1))[..., 0])
    if height % parts == 0:
        assert [rows.stop - rows.start for rows in stripes(height, parts)] == [height // parts] * parts


# --- the network (Sec. 3.3) ---


def test_parameter_space_alignment_is_one_module_for_both_tasks_and_never_the_classifier():
    model = build()
    for mt, at in zip(model.main, model.auxiliary, strict=True):
        assert mt.conv1 is at.conv1 and mt.conv2 is at.conv2 and mt.attention is at.attention
        assert mt.classifier is not at.classifier


@pytest.mark.parametrize(("layer", "switch"), [("conv1", "c1_shared"), ("conv2", "c2_shared")])
def test_sharing_one_convolution_leaves_the_other_apart(layer, switch):
    other = {"conv1": "conv2", "conv2": "conv1"}[layer]
    model = build(replace(NAIVE, **{switch: True}))
    for mt, at in zip(model.main, model.auxiliary, strict=True):
        assert getattr(mt, layer) is getattr(at, layer) and getattr(mt, other) is not getattr(at, other)


def test_parts_share_nothing_with_each_other():
    model = build()
    assert len({id(task.conv1) for task in model.main}) == len({id(task.conv2) for task in model.main}) == 6


def test_shared_statistics_are_updated_by_both_tasks():
    model, batch = build().train(), batch_of()
    model(batch)
    assert int(model.main[0].conv1[1].num_batches_tracked) == 2


def test_auxiliary_tasks_see_only_their_own_stripe():
    model = build(BASELINE).eval()
    features = torch.randn(1, model.trunk.channels, 12, 4)
    model.trunk.forward = lambda images: features
    before = model.embed(torch.zeros(1, 3, 192, 64))["g"].reshape(6, -1)
    features[:, :, 2:4] += 1  # rows of part 2
    after = model.embed(torch.zeros(1, 3, 192, 64))["g"].reshape(6, -1)
    assert [bool((a != b).any()) for a, b in zip(before, after, strict=True)] == [False, True, *[False] * 4]


@pytest.mark.parametrize("switches", [MPNSwitches(), NAIVE, SUMMED])
def test_inference_never_runs_an_auxiliary_task(switches):
    model, batch = build(switches).eval(), batch_of()

    def refuse(*arguments):
        raise AssertionError("an auxiliary task ran")

    expected = model.embed(batch.images)
    for task in model.auxiliary:
        task.forward = refuse
    found = model.embed(batch.images)
    assert list(found) == ["h"] and torch.equal(found["h"], expected["h"])
    with pytest.raises(AssertionError):
        model.train()(batch)


@pytest.mark.parametrize(("switches", "name"), [(MPNSwitches(), "h"), (MT_ONLY, "h"), (BASELINE, "g")])
def test_test_feature_is_six_parts_wide_and_named_as_the_method_says(switches, name):
    features = build(switches).eval().embed(batch_of(2).images)
    assert METHOD.embedding(switches) == name and features[name].shape == (2, 6 * 256)


@pytest.mark.parametrize("switches", [MPNSwitches(), UPPER_BOUND])
def test_a_feature_does_not_depend_on_the_other_images_of_the_batch(switches):
    model, batch = build(switches).eval(), batch_of()
    (together,) = model.embed(batch.images, batch.priors).values()
    (alone,) = model.embed(batch.images[3:4], {kind: prior[3:4] for kind, prior in batch.priors.items()}).values()
    torch.testing.assert_close(alone, together[3:4], rtol=1e-4, atol=1e-5)


def test_the_upper_bound_corrects_test_images_and_says_when_it_cannot():
    model, batch = build(UPPER_BOUND).eval(), batch_of(4)
    corrected = model.embed(batch.images, batch.priors)["g"]
    plain = build(BASELINE).eval()
    plain.load_state_dict(model.state_dict())
    assert not torch.allclose(corrected, plain.embed(batch.images)["g"])
    with pytest.raises(BadInput, match="parsing and segmentation were not given"):
        model.embed(batch.images)


@pytest.mark.parametrize("switches", [MPNSwitches(), MT_ONLY, BASELINE, NAIVE])
def test_two_steps_of_the_recipe_move_every_parameter(switches):
    model = build(switches).train()
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    optimiser = build_optimiser(model, METHOD.recipe(switches, "synthetic", "demo").optimiser)
    for seed in range(2):
        batch = batch_of(seed=seed)
        sum(model.losses(model(batch), batch).values()).backward()
        optimiser.step()
        optimiser.zero_grad()
    assert [name for name, parameter in model.named_parameters() if torch.equal(parameter, before[name])] == []


@pytest.mark.parametrize("switches", [MPNSwitches(), BASELINE])
def test_attention_maps_are_grad_cam_of_the_predicted_identity(switches):
    model, batch = build(switches).eval(), batch_of(3)
    with torch.inference_mode():
        maps = model.attention_maps(batch.images)
    assert list(maps) == [f"part {k}" for k in range(1, 7)]
    for image in range(3):
        features = model.trunk(batch.images[image : image + 1])
        features.retain_grad()
        task = model.main[2] if switches.has_main else model.auxiliary[2]
        logits = task.classifier(task(features if switches.has_main else features[:, :, 4:6]))
        logits[0, int(logits.argmax())].backward()
        weights = [features.grad[0, channel].mean() for channel in range(features.shape[1])]
        cam = sum(weight * features[0, channel] for channel, weight in enumerate(weights)).clamp(min=0)
        torch.testing.assert_close(maps["part 3"][image], (cam / cam.max()).detach(), rtol=1e-3, atol=1e-4)
    assert all(each.min() >= 0 and each.max() <= 1 and each.shape == (3, 12, 4) for each in maps.values())


# --- the losses (Sec. 3.4, 3.5 and 5.3) ---


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(1 - (a * b).sum() / (a.square().sum().sqrt() * b.square().sum().sqrt()))


@given(seed=st.integers(0, 10_000), labels=st.lists(st.integers(0, 3), min_size=1, max_size=9))
@settings(max_examples=25, deadline=None)
def test_feature_constraints_agree_with_their_equations(seed, labels):
    generator = torch.Generator().manual_seed(seed)
    h, g = torch.randn(2, len(labels), 6, generator=generator)
    by_class, by_sample = [], []
    for identity in set(labels):
        members = [row for row, label in enumerate(labels) if label == identity]
        by_class.append(cosine(sum(h[m] for m in members) / len(members), sum(g[m] for m in members) / len(members)))
    for row in range(len(labels)):
        by_sample.append(cosine(h[row], g[row]))
    everything = range(len(labels))
    whole = cosine(sum(h[m] for m in everything), sum(g[m] for m in everything))
    target = torch.tensor(labels)
    assert class_wise(h, g, target).item() == pytest.approx(sum(by_class) / len(by_class), abs=1e-4)
    assert sample_wise(h, g, target).item() == pytest.approx(sum(by_sample) / len(by_sample), abs=1e-4)
    assert batch_wise(h, g, target).item() == pytest.approx(whole, abs=1e-4)


def test_class_means_are_of_unnormalised_features():
    h = torch.tensor([[10.0, 0.0], [0.0, 1.0]])
    g = torch.tensor([[1.0, 1.0], [1.0, 1.0]])
    # Mean of h is (5, 0.5); its cosine with (1, 1) is 5.5 / sqrt(25.25 * 2).
    assert class_wise(h, g, torch.zeros(2, dtype=torch.int64)).item() == pytest.approx(1 - 5.5 / math.sqrt(50.5))


def test_feature_alignment_reaches_both_tasks():
    h, g = torch.randn(4, 6, requires_grad=True), torch.randn(4, 6, requires_grad=True)
    class_wise(h, g, torch.tensor([0, 0, 1, 1])).backward()
    assert h.grad.abs().max() > 0 and g.grad.abs().max() > 0


def test_identity_loss_of_fresh_classifiers_is_ln_c_a_head():
    model, batch = build(), batch_of()
    losses = model.losses(model.train()(batch), batch)
    assert losses["id_mt"].item() == pytest.approx(6 * math.log(IDENTITIES), rel=0.1)
    assert losses["id_at"].item() == pytest.approx(6 * math.log(IDENTITIES), rel=0.1)


@pytest.mark.parametrize(("layer", "other"), [("c1", "c2"), ("c2", "c1")])
def test_soft_sharing_is_the_weighted_squared_distance_of_the_pairs_convolutions(layer, other):
    switches = replace(NAIVE, **{f"soft_{layer}_weight": 0.5})
    model, batch = build(switches).train(), batch_of()
    total = 0.0
    for mt, at in zip(model.main, model.auxiliary, strict=True):
        mine, theirs = (mt.conv1[0], at.conv1[0]) if layer == "c1" else (mt.conv2[0], at.conv2[0])
        total += float((mine.weight - theirs.weight).detach().double().square().sum())
        total += float((mine.bias - theirs.bias).detach().double().square().sum())
    losses = model.losses(model(batch), batch)
    assert losses["soft_sharing"].item() == pytest.approx(0.5 * total, rel=1e-5)
    assert "soft_sharing" not in build(NAIVE).losses(build(NAIVE)(batch), batch)


def test_each_variant_has_the_terms_of_its_equation():
    batch = batch_of()

    def terms(switches: MPNSwitches) -> list[str]:
        model = build(switches).train()
        return list(model.losses(model(batch), batch))

    assert terms(MPNSwitches()) == ["id_mt", "id_at", "triplet", "feature_space"]
    assert terms(NAIVE) == ["id_mt", "id_at", "triplet"]
    assert terms(MT_ONLY) == ["id_mt", "triplet"]
    assert terms(BASELINE) == ["id_at", "triplet"]
    assert terms(SUMMED) == ["id_mt", "id_at", "triplet"]


# --- the switches ---

CHANGES = {
    "tasks": (NAIVE, MT_ONLY),
    "mtl": (NAIVE, BASELINE),
    "c1_shared": (NAIVE, replace(NAIVE, c1_shared=True)),
    "c2_shared": (NAIVE, replace(NAIVE, c2_shared=True)),
    "ca": (NAIVE, replace(NAIVE, ca=True)),
    "ca_shared": (MPNSwitches(), replace(MPNSwitches(), ca_shared=False)),
    "fsa": (MPNSwitches(), replace(MPNSwitches(), fsa="sample_cosine")),
    "prior": (MPNSwitches(), replace(MPNSwitches(), prior="roi_resize")),
    "test_prior": (UPPER_BOUND, replace(UPPER_BOUND, test_prior="uniform")),
    "triplet_on": (NAIVE, SUMMED),
    "soft_c1_weight": (NAIVE, replace(NAIVE, soft_c1_weight=0.1)),
    "soft_c2_weight": (NAIVE, replace(NAIVE, soft_c2_weight=0.1)),
    "spatial_attention": (MPNSwitches(), replace(MPNSwitches(), spatial_attention="rga_s")),
    "k": (MPNSwitches(), replace(MPNSwitches(), k=4)),
    "triplet_weight": (MPNSwitches(), replace(MPNSwitches(), triplet_weight=2.0)),
}


def what_can_be_seen(switches: MPNSwitches) -> dict[str, float]:
    model, batch = build(switches), batch_of()
    seen = {"parameters": float(sum(parameter.numel() for parameter in model.parameters()))}
    seen |= {name: value.item() for name, value in model.train()(batch) and model.losses(model(batch), batch).items()}
    seen |= {name: f.sum().item() for name, f in model.eval().embed(batch.images, batch.priors).items()}
    return seen


def test_every_switch_is_tried():
    assert set(CHANGES) == {field.name for field in fields(MPNSwitches)}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGES)
def test_every_switch_moves_something(name):
    before, after = CHANGES[name]
    assert getattr(before, name) != getattr(after, name)
    assert what_can_be_seen(before) != what_can_be_seen(after)
    assert what_can_be_seen(before) == what_can_be_seen(before)


def test_equal_values_are_equal_switches_however_they_are_written():
    assert MPNSwitches(soft_c1_weight=0, triplet_weight=1) == MPNSwitches(soft_c1_weight=-0.0, triplet_weight=1.0)
    assert type(MPNSwitches(soft_c1_weight=0).soft_c1_weight) is float
    assert str(MPNSwitches(soft_c1_weight=-0.0).soft_c1_weight) == "0.0"


@pytest.mark.parametrize(
    "values",
    [
        {"tasks": "both"},
        {"tasks": "mt_only"},
        {"mtl": False},
        {"mtl": 1},
        {"prior": "none"},
        {"test_prior": "uniform"},
        {"triplet_on": "g"},
        {"triplet_on": "h_plus_g"},
        {"fsa": "summed_triplet"},
        {"fsa": None},
        {"ca": False},
        {"soft_c1_weight": 0.1},
        {"soft_c2_weight": -1, "c2_shared": False},
        {"triplet_weight": "2"},
        {"triplet_weight": math.nan},
        {"triplet_weight": True},
        {"k": 0},
        {"k": 6.0},
        {"k": True},
        {"spatial_attention": "cbam"},
    ],
)
def test_values_and_combinations_that_name_no_variant_are_refused_in_one_line(values):
    with pytest.raises(BadInput, match=r"^row 1: .+$"):
        METHOD.parse(values, "row 1")


# --- the recipe (Sec. 5.1) ---


def test_the_paper_profile_is_as_printed():
    recipe = METHOD.recipe(MPNSwitches(), "market1501", "paper")
    assert (recipe.backbone, recipe.height, recipe.width) == ("resnet50", 384, 128)
    assert (recipe.sampler.identities, recipe.sampler.images_per_identity, recipe.sampler.batch_size) == (6, 8, 48)
    assert (recipe.epochs, recipe.optimiser.rate, recipe.optimiser.momentum) == (70, 0.01, 0.9)
    assert recipe.optimiser.weight_decay == 5e-4 and recipe.schedule.milestones == (20, 40, 60)
    assert recipe.augmentation.translation.copies + 1 == 5
    assert recipe.augmentation.flip == recipe.augmentation.erasing.probability == 0.5


def test_spatial_attention_starts_from_an_ide_that_has_it_too():
    recipe = METHOD.recipe(MPNSwitches(spatial_attention="rga_s"), "market1501", "paper")
    assert recipe.initialisation.method == "ide" and recipe.initialisation.switches == {"spatial_attention": "rga_s"}


def test_priors_are_asked_for_only_where_they_are_read():
    maps = ("parsing", "segmentation")
    assert (METHOD.priors(MPNSwitches()).training, METHOD.priors(MPNSwitches()).inference) == (maps, ())
    assert (METHOD.priors(UPPER_BOUND).training, METHOD.priors(UPPER_BOUND).inference) == (maps, maps)
    for switches in (MT_ONLY, BASELINE):
        assert METHOD.priors(switches).training == METHOD.priors(switches).inference == ()
        model, batch = build(switches).train(), replace(batch_of(), priors={})
        assert model.losses(model(batch), batch)


def test_importing_the_method_needs_no_torch():
    script = "import sys, methods.mpn, methods.ide; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
