"""PGFL-KD: heatmaps and Eq. 1-6 against loops, what is detached, what is read at test, its cost, its switches."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import methods.ide
import methods.pgfl_kd
from harness import run as command_line
from harness.errors import BadInput
from harness.measure import count_operations, inference_parameters
from harness.measure.cost import ESTIMATORS
from harness.models.backbone import build_backbone, resnet_part
from harness.models.reid import Batch
from harness.recipe import Augmentation, Sampler
from harness.store import Store
from harness.tables import tables
from harness.training.augmentation import KEYPOINT_MIRROR, Placement, place_prior
from harness.training.batches import Input, TrainingData
from methods.pcb import METHOD as PCB
from methods.pcb import PCBSwitches
from methods.pgfl_kd import METHOD, PGFLKDSwitches
from methods.pgfl_kd.heatmaps import GROUPS, PARTNERS, SCALE, SIGMA, keypoint_heatmaps, part_weights
from methods.pgfl_kd.losses import consistent_loss, multi_part_contrastive_loss, reid_loss
from methods.pgfl_kd.model import PGFLKDFeatures, foreground_weights, weighted_sums

IDENTITIES, PARTS, CHANNELS = 4, 8, 256
FULL = PGFLKDSwitches()
NO_FEB = replace(FULL, feb=False, consistent=False)
PLAIN_SAB = replace(NO_FEB, interaction=False, multi_part_contrastive=False)
FUSED_SAB = replace(NO_FEB, multi_part_contrastive=False)
BASELINE = replace(PLAIN_SAB, sab=False)
NOT_DISTILLED = replace(FULL, consistent=False)
SAB_DISTANCE = replace(FULL, multi_part_contrastive=False, sab_consistent=True, lambda_sab_cl=0.25)
VARIANTS = [BASELINE, PLAIN_SAB, FUSED_SAB, NO_FEB, NOT_DISTILLED, FULL, SAB_DISTANCE]
SEEDS = st.integers(0, 10_000)


def keypoints_of(images: int = 8, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    places = torch.rand(images, 17, 2, generator=generator) * 1.2 - 0.1
    return torch.cat((places, torch.rand(images, 17, 1, generator=generator)), dim=2)


def batch_of(images: int = 8, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return Batch(
        images=torch.randn(images, 3, 192, 64, generator=generator),
        labels=torch.arange(images) // 2 % IDENTITIES,
        cameras=torch.zeros(images, dtype=torch.int64),
        indices=torch.arange(images),
        priors={"keypoints": keypoints_of(images, seed)},
    )


def build(switches: PGFLKDSwitches = FULL, seed: int = 0):
    torch.manual_seed(seed)
    return METHOD.build(switches, IDENTITIES, "resnet10")


# --- heatmaps (Sec. 3.1) ---


@given(seed=SEEDS, size=st.sampled_from([(24, 8), (12, 4), (3, 5)]))
@settings(max_examples=15, deadline=None)
def test_part_weights_agree_with_a_loop_over_keypoints_and_cells(seed, size):
    height, width = size
    keypoints = keypoints_of(1, seed)[0]
    found = part_weights(keypoints[None], height, width)[0]
    for part, members in enumerate(GROUPS.values()):
        heat = [
            sum(
                float(keypoints[k, 2])
                * math.exp(
                    -(
                        ((j + 0.5) - float(keypoints[k, 0]) * width) ** 2
                        + ((i + 0.5) - float(keypoints[k, 1]) * height) ** 2
                    )
                    / (2 * SIGMA**2)
                )
                for k in members
            )
            for i in range(height)
            for j in range(width)
        ]
        total = sum(math.exp(SCALE * value) for value in heat)
        expected = torch.tensor([math.exp(SCALE * value) / total for value in heat]).reshape(size)
        torch.testing.assert_close(found[part], expected, rtol=1e-3, atol=1e-6)


def test_every_keypoint_is_of_one_part_and_parts_are_as_listed():
    # COCO: nose, eyes, ears 0-4; then left before right: shoulders 5-6, elbows, wrists, hips 11-12, knees, ankles.
    assert list(GROUPS.items()) == [
        ("head", (0, 1, 2, 3, 4)),
        ("left lower arm", (7, 9)),
        ("right lower arm", (8, 10)),
        ("left knee", (13,)),
        ("right knee", (14,)),
        ("left ankle", (15,)),
        ("right ankle", (16,)),
        ("torso", (5, 6, 11, 12)),
    ]
    assert sorted(k for members in GROUPS.values() for k in members) == list(range(17))


def test_partners_are_the_parts_that_a_mirror_makes_change_places():
    for part, members in enumerate(GROUPS.values()):
        mirrored = tuple(sorted(KEYPOINT_MIRROR[k] for k in members))
        twin = [tuple(sorted(group)) for group in GROUPS.values()].index(mirrored)
        assert set(PARTNERS[part]) == {part, twin}


@pytest.mark.parametrize("size", [(24, 8), (12, 4)])
def test_a_flipped_image_with_flipped_keypoints_gives_the_flipped_groups(size):
    keypoints = keypoints_of(4)
    flipped = place_prior("keypoints", keypoints, Placement(np.ones(4, bool), np.zeros((4, 2))))
    twin = [next((j for j in partners if j != i), i) for i, partners in enumerate(PARTNERS)]
    expected = part_weights(keypoints, *size).flip(3)[:, twin]
    torch.testing.assert_close(part_weights(flipped, *size), expected)


def test_keypoints_move_with_the_image_by_whole_cells():
    keypoints = keypoints_of(2)
    moved = place_prior("keypoints", keypoints, Placement(np.zeros(2, bool), np.array([[2 / 24, 1 / 8]] * 2)))
    before, after = keypoint_heatmaps(keypoints, 24, 8), keypoint_heatmaps(moved, 24, 8)
    torch.testing.assert_close(after[:, :, 2:, 1:], before[:, :, :-2, :-1])


def test_in_a_training_batch_a_keypoint_stays_on_its_pixel_and_changes_sides_with_a_flip():
    images, height, width, left, right = 64, 24, 16, 15, 16
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(3, height - 3, images), rng.integers(3, width - 3, images)  # no crop removes it
    pixels = np.zeros((images, height, width, 3), np.uint8)
    pixels[np.arange(images), rows, columns] = 255
    keypoints = np.zeros((images, 17, 3), np.float32)
    keypoints[:, left] = np.stack(((columns + 0.5) / width, (rows + 0.5) / height, np.ones(images)), axis=1)
    none = np.zeros(images, np.int64)
    data = TrainingData(pixels, none, none, {"keypoints": keypoints})
    recipe = METHOD.recipe(FULL, "market1501", "demo")
    recipe = replace(recipe, sampler=Sampler(images, None), augmentation=Augmentation(flip=0.5, padding=3))
    (batch,) = Input(data, recipe, 0, torch.device("cpu")).batches(0, [np.arange(images)])
    seen = batch.priors["keypoints"][..., 2].argmax(1)
    flipped, moved = 0, set()
    for image in range(images):
        row, column = divmod(int(batch.images[image].sum(0).argmax()), width)
        x, y, _ = batch.priors["keypoints"][image, seen[image]].tolist()
        assert (x * width - 0.5, y * height - 0.5) == pytest.approx((column, row), abs=1e-4)
        before = columns[image] if seen[image] == left else width - 1 - columns[image]
        flipped += int(seen[image] == right)
        moved.add((row - int(rows[image]), column - int(before)))
    assert 16 < flipped < 48 and set(seen.tolist()) == {left, right}
    assert len(moved) > 20 and all(abs(shift) <= 3 for shifts in moved for shift in shifts)


def test_a_part_that_is_not_seen_weighs_every_position_alike():
    keypoints = keypoints_of(1)
    keypoints[:, [7, 9], 2] = 0
    weights = part_weights(keypoints, 24, 8)[0]
    torch.testing.assert_close(weights[1], torch.full((24, 8), 1 / 192))
    torch.testing.assert_close(weights.sum((1, 2)), torch.ones(PARTS))


def test_a_keypoint_that_is_seen_holds_most_of_its_parts_weight():
    keypoints = torch.zeros(1, 17, 3)
    keypoints[0, 13] = torch.tensor([(2 + 0.5) / 8, (17 + 0.5) / 24, 1.0])
    weights = part_weights(keypoints, 24, 8)[0, list(GROUPS).index("left knee")]
    assert weights[17, 2] > 0.9 and weights.argmax() == 17 * 8 + 2


# --- Eq. 1-3: pooling ---


@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_weighted_sums_are_eq_1_but_for_its_average(seed):
    generator = torch.Generator().manual_seed(seed)
    features, weights = torch.randn(1, 5, 4, 3, generator=generator), torch.rand(1, PARTS, 4, 3, generator=generator)
    found = weighted_sums(features, weights)[0]
    for k in range(PARTS):
        product = features[0] * torch.outer(torch.ones(5), weights[0, k].flatten()).reshape(5, 4, 3)
        average = torch.stack([product[c].mean() for c in range(5)])
        torch.testing.assert_close(found[k] / 12, average)


def loop_foreground(features: torch.Tensor, query: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """a (Eq. 2) and f_F (Eq. 3) of one image, position by position."""
    _, height, width = features.shape
    score = {(i, j): math.exp(float((features[:, i, j] * query).sum())) for i in range(height) for j in range(width)}
    a = torch.tensor([[score[i, j] / sum(score.values()) for j in range(width)] for i in range(height)])
    f_f = sum(a[i, j] * features[:, i, j] for i, j in score)
    return a, f_f


@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_foreground_agrees_with_eq_2_and_3_in_loops(seed):
    generator = torch.Generator().manual_seed(seed)
    features, local = torch.randn(1, 5, 4, 3, generator=generator), torch.randn(1, PARTS, 5, generator=generator)
    f_l = sum(local[0, k] for k in range(PARTS)) / PARTS
    weights = foreground_weights(features, local, "dot_gap")
    a, f_f = loop_foreground(features[0], f_l / 12)
    torch.testing.assert_close(weights[0], a)
    torch.testing.assert_close(weighted_sums(features, weights[:, None])[0, 0], f_f)
    torch.testing.assert_close(foreground_weights(features, local, "dot_sum")[0], loop_foreground(features[0], f_l)[0])
    unit = features / features.square().sum(1, keepdim=True).sqrt()
    cosine = loop_foreground(unit[0], f_l / f_l.square().sum().sqrt())[0]
    torch.testing.assert_close(foreground_weights(features, local, "cosine")[0], cosine)


def test_the_models_features_are_put_together_as_eq_1_to_6_say():
    model, batch = build().eval(), batch_of(2)
    with torch.no_grad():
        trunk = model.trunk(batch.images)
        found = model.forward(batch).pooled
        f_g = torch.stack([trunk[:, c].mean((1, 2)) for c in range(CHANNELS)], 1)
        weights = part_weights(batch.priors["keypoints"], 12, 4)
        for image in range(2):
            local = [(trunk[image] * weights[image, k]).sum((1, 2)) for k in range(PARTS)]
            _, f_f = loop_foreground(trunk[image], sum(local) / PARTS / 48)
            f_p = torch.cat([model.sab.reductions[k](local[k][None])[0] for k in range(PARTS)])
            expected = {"f_G": f_g[image], "f_F": f_f, "f_E": f_f + f_g[image], "f_P": f_p, "f_V": f_g[image] + f_p}
            for name, feature in expected.items():
                torch.testing.assert_close(found[name][image], feature, rtol=1e-4, atol=1e-5)
    assert found.keys() == expected.keys()


# --- Eq. 4 and 5, and what is detached ---


def test_the_consistent_loss_is_the_squared_length_of_f_f_and_pulls_f_g_along_it():
    f_g, f_f = torch.randn(3, 6, requires_grad=True), torch.randn(3, 6, requires_grad=True)
    for reduction, share in (("mean", 18), ("sum", 3)):
        f_g.grad = None
        loss = consistent_loss(f_g, f_g + f_f, reduction)
        loss.backward()
        by_hand = sum(float(f_f[b, c].detach()) ** 2 for b in range(3) for c in range(6)) / share
        assert loss.item() == pytest.approx(by_hand, rel=1e-4)
        torch.testing.assert_close(f_g.grad, -2 * f_f.detach() / share)
    assert f_f.grad is None


def test_normalised_vectors_differ_by_twice_what_their_cosine_lacks():
    f_g, f_e = torch.randn(2, 3, 6)
    cosines = [float(a @ b / (a.norm() * b.norm())) for a, b in zip(f_g, f_e, strict=True)]
    expected = sum(2 - 2 * cosine for cosine in cosines) / 3
    assert consistent_loss(f_g, f_e, "normalised").item() == pytest.approx(expected, rel=1e-4)


def loop_contrast(f_g, f_p, normalise: bool, temperature: float) -> float:
    """Eq. 5 averaged over images, part by part."""
    total, width = 0.0, f_g.shape[1] // PARTS
    for image in range(len(f_g)):
        whole, parts = f_g[image].reshape(PARTS, width), f_p[image].reshape(PARTS, width)
        if normalise:
            whole, parts = (blocks / blocks.norm(dim=1, keepdim=True) for blocks in (whole, parts))
        for i in range(PARTS):
            exponential = [math.exp(float(whole[j] @ parts[i]) / temperature) for j in range(PARTS)]
            positive = sum(exponential[j] for j in PARTNERS[i])
            negative = sum(exponential[j] for j in range(PARTS) if j not in PARTNERS[i])
            total -= math.log(positive / (positive + negative))
    return total / len(f_g)


@given(seed=SEEDS, images=st.integers(1, 3), normalise=st.booleans(), temperature=st.sampled_from([1.0, 0.5]))
@settings(max_examples=20, deadline=None)
def test_multi_part_contrastive_loss_agrees_with_eq_5_in_loops(seed, images, normalise, temperature):
    generator = torch.Generator().manual_seed(seed)
    f_g, f_p = torch.randn(2, images, PARTS * 3, generator=generator)
    found = multi_part_contrastive_loss(f_g, f_p, normalise, temperature).item()
    assert found == pytest.approx(loop_contrast(f_g, f_p, normalise, temperature), rel=1e-4)


def test_contrast_of_long_features_does_not_overflow():
    f_g, f_p = 50 * torch.ones(2, 1, PARTS * 3)
    expected = -2 * math.log(1 / PARTS) - 6 * math.log(2 / PARTS)  # every product alike; head and torso have no twin
    assert multi_part_contrastive_loss(f_g, f_p).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("switches", "term", "teacher"),
    [
        (FULL, "consistent", "f_E"),
        (FULL, "multi_part_contrastive", "f_P"),
        (SAB_DISTANCE, "sab_consistent", "f_P"),
    ],
)
def test_distillation_reaches_f_g_and_never_its_teacher(switches, term, teacher):
    model, batch = build(switches), batch_of()
    pooled = {name: torch.randn(8, CHANNELS).abs().requires_grad_() for name in ("f_G", "f_E", "f_P", "f_V", "f_F")}
    logits = {name: torch.zeros(8, IDENTITIES) for name in model.heads}
    loss = model.losses(PGFLKDFeatures(pooled, logits), batch)[term]
    loss.backward()
    assert pooled["f_G"].grad.abs().max() > 0
    assert all(pooled[name].grad is None for name in pooled if name != "f_G")
    for name in ("f_E", "f_P", "f_V", "f_F"):
        other = PGFLKDFeatures({**pooled, name: 2 * pooled[name]}, logits)
        assert (model.losses(other, batch)[term] != loss) == (name == teacher), name


def test_in_the_network_distillation_of_parts_moves_no_weight_of_their_branch():
    model, batch = build().train(), batch_of()
    model.losses(model(batch), batch)["multi_part_contrastive"].backward()
    assert all(parameter.grad is None for parameter in model.sab.parameters())
    assert model.trunk.conv1.weight.grad.abs().max() > 0


def test_interaction_gives_both_branches_the_same_gradient():
    # Eq. 8 and 9: f_V = f_G + f_P, nothing detached.
    model, batch = build(FUSED_SAB).train(), batch_of()
    features = model(batch)
    loss = model.losses(features, batch)["triplet_f_V"]
    to_g, to_p = torch.autograd.grad(loss, [features.pooled["f_G"], features.pooled["f_P"]])
    assert to_g.abs().max() > 0
    torch.testing.assert_close(to_g, to_p)


def test_the_reid_loss_by_hand():
    feature = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0], [6.0, 8.0]])
    labels = torch.tensor([0, 0, 1, 1])
    logits = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 0.0]])
    found = reid_loss(feature, logits, labels)
    # Farthest positive and nearest negative of each image; the margin is 0.3, distances are Euclidean.
    hardest = [(5, 1), (5, math.sqrt(18)), (math.sqrt(85), 1), (math.sqrt(85), 5)]
    assert found["triplet"].item() == pytest.approx(sum(p - n + 0.3 for p, n in hardest) / 4, rel=1e-5)
    # Label smoothing of 0.1 over 3 identities: 0.9 + 0.1 / 3 for the right one, 0.1 / 3 for each other.
    cross_entropy = 0.0
    for scores, label in zip(logits.tolist(), labels.tolist(), strict=True):
        total = sum(map(math.exp, scores))
        for identity, score in enumerate(scores):
            weight = 0.1 / 3 + (0.9 if identity == label else 0)
            cross_entropy -= weight * math.log(math.exp(score) / total) / 4
    assert found["id"].item() == pytest.approx(cross_entropy, rel=1e-5)


def test_the_triplet_is_of_the_feature_before_its_bn_and_the_logits_are_of_it_after():
    model, batch = build(BASELINE).train(), batch_of()
    features = model(batch)
    bare = features.pooled["f_G"]
    after = (bare - bare.mean(0)) / (bare.var(0, unbiased=False) + 1e-5).sqrt()
    torch.testing.assert_close(features.logits["f_G"], after @ model.heads["f_G"].weight.T, rtol=1e-3, atol=1e-5)
    distances = torch.cdist(bare, bare)
    same = batch.labels[:, None] == batch.labels
    farthest = (distances * same).amax(1)
    nearest = distances.masked_fill(same, math.inf).amin(1)
    by_hand = (farthest - nearest + 0.3).clamp(min=0).mean()
    assert model.losses(features, batch)["triplet_f_G"].item() == pytest.approx(by_hand.item(), rel=1e-3)


def test_each_row_of_table_6_and_7_has_the_terms_of_its_equation():
    batch = batch_of()

    def terms(switches: PGFLKDSwitches) -> set[str]:
        model = build(switches).train()
        return set(model.losses(model(batch), batch))

    def reid(*names: str) -> set[str]:
        return {f"{term}_f_{name}" for name in names for term in ("id", "triplet")}

    assert terms(BASELINE) == reid("G")
    assert terms(PLAIN_SAB) == reid("G", "P")
    assert terms(FUSED_SAB) == reid("G", "V")
    assert terms(NO_FEB) == reid("G", "V") | {"multi_part_contrastive"}
    assert terms(NOT_DISTILLED) == reid("G", "V", "E") | {"multi_part_contrastive"}
    assert terms(FULL) == reid("G", "V", "E") | {"multi_part_contrastive", "consistent"}
    assert terms(SAB_DISTANCE) == reid("G", "V", "E") | {"sab_consistent", "consistent"}


def test_loss_weights_are_lambda():
    batch = batch_of()
    once, twice = (build(replace(FULL, lambda_cl=w, lambda_mcl=w)).train() for w in (0.25, 0.5))
    small, large = (model.losses(model(batch), batch) for model in (once, twice))
    for name, loss in small.items():
        factor = 2 if name in ("consistent", "multi_part_contrastive") else 1
        assert large[name].item() == pytest.approx(factor * loss.item(), rel=1e-4)


# --- test features (Sec. 3.5 and 4.5) ---


@pytest.mark.parametrize("switches", VARIANTS)
def test_without_keypoints_there_is_f_g_and_keypoints_never_change_it(switches):
    model, batch = build(switches).eval(), batch_of(2)
    with torch.inference_mode():
        bare, posed = model.embed(batch.images), model.embed(batch.images, batch.priors)
    assert list(bare) == ["f_G"] and bare["f_G"].shape == (2, CHANNELS)
    assert torch.equal(bare["f_G"], posed["f_G"])
    expected = {"f_G"} | ({"f_F", "f_E"} if switches.feb else set())
    expected |= {"f_P"} if switches.sab else set()
    assert set(posed) == expected | ({"f_V"} if switches.interaction else set())


def test_supervised_features_are_read_after_their_bn_and_others_as_they_are():
    model, batch = build().eval(), batch_of(2)
    with torch.inference_mode():
        found, pooled = model.embed(batch.images, batch.priors), model(batch).pooled
        for name in ("f_G", "f_V", "f_E"):
            model.necks[name].running_var.fill_(4.0)
            torch.testing.assert_close(
                model.embed(batch.images, batch.priors)[name], pooled[name] / 2, rtol=1e-3, atol=1e-4
            )
    assert torch.equal(found["f_P"], pooled["f_P"]) and torch.equal(found["f_F"], pooled["f_F"])


def test_only_table_8s_other_features_ask_for_keypoints_at_test_and_all_share_one_run():
    assert METHOD.test_switches == {"feature"}
    for feature in ("f_G", "f_P", "f_V", "f_F", "f_E"):
        switches = replace(FULL, feature=feature)
        assert METHOD.embedding(switches) == feature
        assert METHOD.priors(switches).training == ("keypoints",)
        assert METHOD.priors(switches).inference == (() if feature == "f_G" else ("keypoints",))
    assert METHOD.priors(BASELINE).training == ()


def test_f_g_is_evaluated_where_no_prior_of_a_test_image_exists(market_root, tmp_path, monkeypatch, capsys):
    for plugin in (methods.ide, methods.pgfl_kd):
        short = replace(plugin.EFFORT["demo"], epochs=1, milestones=())
        monkeypatch.setitem(plugin.EFFORT, "demo", short)
    images = sorted((market_root / "Market-1501-v15.09.15" / "bounding_box_train").glob("*.jpg"))
    (market_root / "priors").mkdir()
    kept = market_root / "priors" / "market1501_train_priors.npz"
    np.savez(kept, names=[image.name for image in images], keypoints=keypoints_of(len(images)).numpy())
    options = ["--table", "pgfl_kd_features", "--row", "Global Feature f_G (PGFL-KD)", "--row", "Body Part Feature f_P"]
    options += ["--dataset", "market1501", "--profile", "demo", "--data-root", str(market_root), "--device", "cpu"]
    results = tmp_path / "results"
    assert command_line.main([*options, "--results", str(results), "--report", str(tmp_path / "report")]) == 1
    (record,) = Store(results).records()
    assert record["row"] == "Global Feature f_G (PGFL-KD)" and record["status"] == "done"
    assert record["cost"]["macs_of_priors"] is None
    said = capsys.readouterr().out
    assert "blocked: pgfl_kd_features-Body Part Feature f_P-market1501: needs keypoints of the query images" in said


def test_a_cells_evaluation_is_the_same_whatever_is_pending_beside_it(market_root, tmp_path, monkeypatch):
    for plugin in (methods.ide, methods.pgfl_kd):
        monkeypatch.setitem(plugin.EFFORT, "demo", replace(plugin.EFFORT["demo"], epochs=1, milestones=()))
    market = market_root / "Market-1501-v15.09.15"
    (query, *_) = sorted((market / "query").glob("*.jpg"))
    shutil.copy(query, market / "bounding_box_test" / "-1_c2s1_000001_00.jpg")
    (market_root / "priors").mkdir()
    for folder, word in (("bounding_box_train", "train"), ("query", "query"), ("bounding_box_test", "test")):
        names = [image.name for image in sorted((market / folder).glob("*.jpg"))]
        keypoints = keypoints_of(len(names)).numpy()
        np.savez(market_root / "priors" / f"market1501_{word}_priors.npz", names=names, keypoints=keypoints)
    results = tmp_path / "results"
    options = ["--table", "pgfl_kd_features", "--dataset", "market1501", "--profile", "demo", "--device", "cpu"]
    options += ["--data-root", str(market_root), "--results", str(results), "--report", str(tmp_path / "report")]
    whole, part = "Global Feature f_G (PGFL-KD)", "Body Part Feature f_P"

    def records(*rows: str) -> dict[str, dict]:
        chosen = [word for row in rows for word in ("--row", row)]
        assert command_line.main([*options, "--images", *chosen]) == 0
        return {record["row"]: record for record in Store(results).records()}

    alone = records(whole)[whole]
    shutil.rmtree(results / alone["evaluation"])
    for file in results.rglob("*.json"):
        if "runs" not in file.relative_to(results).parts:
            file.unlink()
    together = records(whole, part)
    beside = together[whole]
    assert beside["run"] == alone["run"] == together[part]["run"]
    assert beside["receipt"]["evaluation_sha256"] == alone["receipt"]["evaluation_sha256"]
    with np.load(results / beside["evaluation"] / "features.npz") as kept:
        assert len(kept["junk"]) == 1

    def maps(record: dict) -> list[str]:
        with np.load(results / record["evaluation"] / "attention.npz") as kept:
            return kept["names"].tolist()

    assert maps(beside) == ["responses"] and maps(together[part]) == ["responses", "foreground"]
    # What was read of each split is said, and that it is not the paper's.
    assert set(beside["receipt"]["priors"]) == {"train"}
    providers = {split: read["provider"] for split, read in together[part]["receipt"]["priors"].items()}
    files = {"train": "train", "query": "query", "gallery": "test"}
    assert providers == {split: f"file market1501_{word}_priors.npz" for split, word in files.items()}
    assert "priors: file market1501_train_priors.npz, not the paper's estimator" in beside["verdict"]["reasons"]


def test_training_without_keypoints_is_refused_in_one_sentence():
    with pytest.raises(BadInput, match="pgfl_kd: the pose-guided branches read keypoints"):
        build()(replace(batch_of(2), priors={}))
    model = build(BASELINE).train()
    assert model(replace(batch_of(4), priors={})).pooled.keys() == {"f_G"}


def test_maps_are_responses_and_where_a_pose_is_known_the_foreground():
    model, batch = build().eval(), batch_of(3)
    with torch.inference_mode():
        assert list(model.attention_maps(batch.images)) == ["responses"]
        maps = model.attention_maps(batch.images, batch.priors)
        features = model.trunk(batch.images)
    assert list(maps) == ["responses", "foreground"]
    for each in maps.values():
        assert each.shape == (3, 12, 4)
        assert torch.equal(each.amin((1, 2)), torch.zeros(3)) and torch.equal(each.amax((1, 2)), torch.ones(3))
    assert maps["responses"][1].argmax() == features[1].sum(0).argmax()


# --- cost (Table 8) ---


def meta(switches: PGFLKDSwitches = FULL, identities: int = 702):
    with torch.device("meta"):
        return METHOD.build(switches, identities, "resnet50")


def test_inference_is_the_cost_of_a_resnet_50_whatever_was_trained_beside_it():
    for switches in (FULL, BASELINE):
        assert inference_parameters("pgfl_kd", switches) == 23_508_032 + 2 * 2048
        assert count_operations(meta(switches), 384, 128)["macs"] / 1e9 == pytest.approx(6.08, abs=0.005)


def test_features_that_need_poses_add_the_w_k_but_no_more():
    w_k = 8 * (2048 * 256 + 2 * 256)
    assert inference_parameters("pgfl_kd", {"feature": "f_F"}) == 23_508_032
    assert inference_parameters("pgfl_kd", {"feature": "f_E"}) == 23_508_032 + 2 * 2048
    assert inference_parameters("pgfl_kd", {"feature": "f_P"}) == 23_508_032 + w_k
    assert inference_parameters("pgfl_kd", {"feature": "f_V"}) == 23_508_032 + w_k + 2 * 2048
    # The W_k themselves, and the pooling of 8 parts and of the foreground over 192 positions.
    more = 8 * 2048 * 256 + 9 * 2048 * 192
    posed, bare = (count_operations(meta(), 384, 128, priors)["macs"] for priors in (("keypoints",), ()))
    assert posed - bare == more


def test_the_printed_cost_would_be_that_of_two_copies_of_layer4():
    with torch.device("meta"):
        copy, trunk = resnet_part("resnet50", 4, 4), build_backbone("resnet50")
    parameters = sum(p.numel() for module in (trunk, copy) for p in module.parameters())
    head = 2 * 2048 + 2048 * 702
    assert (parameters + head) / 1e6 == pytest.approx(39.91, abs=0.005)  # printed: 39.89
    # layer4 at 24x8: a first block of 1024 and two of 2048 channels, each 1x1, 3x3, 1x1, and the shortcut.
    layer4 = 192 * (512 * (1024 + 2 * 2048) + 3 * 512 * (9 * 512 + 2048) + 1024 * 2048)
    assert layer4 / 1e9 == pytest.approx(2.869, abs=0.001)
    once = count_operations(meta(), 384, 128)["macs"]
    assert (once + layer4 + 2048 * 702) / 1e9 == pytest.approx(8.95, abs=0.005)  # printed: 8.98


def test_hrnet_w48_counted_layer_by_layer():
    """Sun et al., CVPR 2019, Sec. 3 and Table 1, and their released pose network, at 384x128."""
    macs = parameters = 0

    def conv(side, inputs, outputs, cells):
        nonlocal macs, parameters
        macs += side * side * inputs * outputs * cells
        parameters += side * side * inputs * outputs + 2 * outputs  # the two of its BN

    widths, cells = (48, 96, 192, 384), [96 * 32 // 4**branch for branch in range(4)]
    conv(3, 3, 64, 192 * 64)  # the stem: stride 2 twice
    conv(3, 64, 64, cells[0])
    conv(1, 64, 256, cells[0])  # the shortcut of the first bottleneck
    for inputs in (64, 256, 256, 256):
        conv(1, inputs, 64, cells[0])
        conv(3, 64, 64, cells[0])
        conv(1, 64, 256, cells[0])
    conv(3, 256, 48, cells[0])
    conv(3, 256, 96, cells[1])
    for branches, modules in ((2, 1), (3, 4), (4, 3)):
        if branches > 2:
            conv(3, widths[branches - 2], widths[branches - 1], cells[branches - 1])
        for module in range(modules):
            for branch in range(branches):
                for _ in range(2 * 4):  # 4 basic blocks
                    conv(3, widths[branch], widths[branch], cells[branch])
            last = branches == 4 and module == modules - 1
            for to in range(1 if last else branches):
                for origin in range(branches):
                    if origin > to:
                        conv(1, widths[origin], widths[to], cells[origin])
                    for step in range(origin + 1, to + 1):  # halved until it fits; the last step widens
                        conv(3, widths[origin], widths[to] if step == to else widths[origin], cells[step])
    macs += 48 * 17 * cells[0]  # the heatmaps: with a bias and no BN
    parameters += 48 * 17 + 17
    assert (macs, parameters) == (15_691_825_152, 63_595_745)
    assert ESTIMATORS["keypoints"].macs == round(macs, -6)
    assert ESTIMATORS["keypoints"].parameters == round(parameters, -3)


# --- recipe and switches ---


def test_the_paper_profile_is_as_printed():
    recipe = METHOD.recipe(FULL, "occluded_duke", "paper")
    assert (recipe.backbone, recipe.height, recipe.width) == ("resnet50", 384, 128)
    assert (recipe.sampler.identities, recipe.sampler.images_per_identity, recipe.sampler.batch_size) == (4, 16, 64)
    assert (recipe.optimiser.name, recipe.optimiser.rate, recipe.epochs) == ("adam", 3.5e-4, 120)
    assert recipe.schedule.milestones == (30, 70) and recipe.schedule.gamma == 0.1 and recipe.schedule.warmup is None
    assert recipe.augmentation.flip == recipe.augmentation.erasing.probability == 0.5
    assert recipe.augmentation.padding == 10 and recipe.initialisation.kind == "imagenet"
    assert recipe.optimiser.weight_decay == 5e-4 and recipe.flip_test is False
    erasing = recipe.augmentation.erasing
    # The mean pixel is 0 after normalisation.
    assert (erasing.area, erasing.aspect, erasing.fill) == ((0.02, 0.4), (0.3, 3.33), (0, 0, 0))


def variants_of(table: str) -> dict[str, PGFLKDSwitches]:
    return {row.name: METHOD.parse(dict(row.switches), row.name) for row in tables()[table].rows if row.runs}


def test_the_rows_of_tables_6_and_7_are_the_variants_that_they_name():
    assert list(variants_of("pgfl_kd_ablation").values()) == VARIANTS[:6]
    assert list(variants_of("pgfl_kd_sab_loss").values()) == [SAB_DISTANCE, FULL]


def test_the_rows_of_table_8_are_six_features_of_two_runs():
    baseline, *rows = variants_of("pgfl_kd_features").values()
    assert baseline == BASELINE
    assert rows == [replace(FULL, feature=feature) for feature in ("f_G", "f_P", "f_V", "f_F", "f_E")]


def test_a_row_of_fig_3_has_the_weight_of_its_name_and_leaves_the_other():
    for name, switches in variants_of("pgfl_kd_lambda").items():
        weight, _, value = name.removesuffix(" (best)").partition(" = ")
        other = {"lambda_mcl": "lambda_cl", "lambda_cl": "lambda_mcl"}[weight]
        assert (getattr(switches, weight), getattr(switches, other)) == (float(value), 0.25)
        assert switches == replace(FULL, **{weight: float(value)})


def test_table_9_times_pcb_as_its_paper_ranks_it():
    row = tables()["pgfl_kd_speed"].row("PCB [39]")
    assert row.runs and row.method == "pcb" and row.published["occluded_duke"] == {"time_s": 0.09}
    assert PCB.parse(dict(row.switches), row.name) == PCBSwitches(pooling="uniform", descriptor="g")


def test_a_weight_of_nought_and_a_loss_switched_off_are_one_variant():
    assert replace(FULL, lambda_cl=0) == replace(FULL, consistent=False) == NOT_DISTILLED
    assert replace(FULL, consistent=False, lambda_cl=0.5) == NOT_DISTILLED
    assert replace(FULL, multi_part_contrastive=False) == replace(FULL, lambda_mcl=-0.0)
    assert (
        replace(FULL, lambda_cl=1) == replace(FULL, lambda_cl=1.0)
        and type(replace(FULL, lambda_cl=1).lambda_cl) is float
    )


@pytest.mark.parametrize(
    "values",
    [
        {"sab": False},
        {"sab": False, "interaction": False},
        {"feb": False},
        {"sab_consistent": True},
        {"feature": "f_X"},
        {"feature": "f_F", "feb": False, "consistent": False},
        {"feature": "f_V", "interaction": False},
        {"feature": "f_P", "sab": False, "interaction": False, "multi_part_contrastive": False},
        {"lambda_cl": -1},
        {"lambda_mcl": math.nan},
        {"lambda_mcl": True},
        {"mcl_temperature": 0},
        {"feb_similarity": "dot"},
        {"consistent_reduction": "max"},
        {"interaction": 1},
    ],
)
def test_values_and_combinations_that_name_no_variant_are_refused_in_one_line(values):
    with pytest.raises(BadInput, match=r"^row 1: .+$"):
        METHOD.parse(values, "row 1")


def test_importing_the_method_needs_no_torch():
    script = "import sys, methods.pgfl_kd; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
