"""PGFL-KD: heatmaps and Eq. 1-6 against loops, the losses by hand, and what is detached."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.models.initialisation import load_trunk
from harness.models.reid import Batch
from harness.recipe import Augmentation, Sampler
from harness.training.augmentation import KEYPOINT_MIRROR, Placement, place_prior
from harness.training.batches import Input, TrainingData
from methods.pgfl_kd import METHOD, PGFLKDSwitches
from methods.pgfl_kd.heatmaps import GROUPS, PARTNERS, SCALE, SIGMA, keypoint_heatmaps, part_weights
from methods.pgfl_kd.losses import consistent_loss, multi_part_contrastive_loss, reid_loss, triplet_loss
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
VARIANTS += [
    replace(FULL, variant="reconciled"),
    replace(FULL, triplet="soft_margin"),
    replace(FULL, triplet="products"),
]
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


def loop_contrast(f_g, f_p, unit_vectors: bool) -> float:
    """Eq. 5 averaged over images, part by part. Unit vectors are divided by 0.07."""
    temperature = 0.07 if unit_vectors else 1
    total, width = 0.0, f_g.shape[1] // PARTS
    for image in range(len(f_g)):
        whole, parts = f_g[image].reshape(PARTS, width), f_p[image].reshape(PARTS, width)
        if unit_vectors:
            whole, parts = (blocks / blocks.norm(dim=1, keepdim=True) for blocks in (whole, parts))
        for i in range(PARTS):
            exponential = [math.exp(float(whole[j] @ parts[i]) / temperature) for j in range(PARTS)]
            positive = sum(exponential[j] for j in PARTNERS[i])
            negative = sum(exponential[j] for j in range(PARTS) if j not in PARTNERS[i])
            total -= math.log(positive / (positive + negative))
    return total / len(f_g)


@given(seed=SEEDS, images=st.integers(1, 3), unit_vectors=st.booleans())
@settings(max_examples=20, deadline=None)
def test_multi_part_contrastive_loss_agrees_with_eq_5_in_loops(seed, images, unit_vectors):
    generator = torch.Generator().manual_seed(seed)
    f_g, f_p = torch.randn(2, images, PARTS * 3, generator=generator)
    found = multi_part_contrastive_loss(f_g, f_p, unit_vectors).item()
    assert found == pytest.approx(loop_contrast(f_g, f_p, unit_vectors), rel=1e-4)


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


def test_eq_7_compares_the_products_with_the_least_alike_positive_and_the_most_alike_negative():
    feature, labels = torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.5, 0.5], [3.0, 1.0]]), torch.tensor([0, 0, 1, 1])
    # Each gap: the greatest product with a negative, less the least with a positive, which may be the anchor itself.
    expected = [math.log1p(math.exp(gap)) for gap in (3 - 0, 2 - 0, 1 - 0.5, 3 - 2)]
    assert triplet_loss(feature, labels, "products").item() == pytest.approx(sum(expected) / 4, rel=1e-5)


def test_a_soft_margin_compares_the_distances_that_the_hard_one_compares():
    feature, labels = torch.tensor([[0.0], [3.0], [1.0], [5.0]]), torch.tensor([0, 0, 1, 1])
    gaps = (3 - 1, 3 - 2, 4 - 1, 4 - 2)
    soft, hard = (triplet_loss(feature, labels, name).item() for name in ("soft_margin", "margin"))
    assert soft == pytest.approx(sum(math.log1p(math.exp(gap)) for gap in gaps) / 4, rel=1e-5)
    assert hard == pytest.approx(sum(gaps) / 4 + 0.3, rel=1e-5)


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


def test_a_layer4_of_their_own_is_all_that_changes_for_the_pose_guided_branches():
    own = build(replace(FULL, variant="own_layer4")).train()
    batch = batch_of()
    own.trunk.pose.load_state_dict(own.trunk.main.state_dict())
    shared = build().train()
    renamed = {name.removeprefix("lower.").removeprefix("main."): w for name, w in own.trunk.state_dict().items()}
    shared.trunk.load_state_dict({name: w for name, w in renamed.items() if not name.startswith("pose.")})
    shared.load_state_dict({k: w for k, w in own.state_dict().items() if not k.startswith("trunk.")}, strict=False)
    one, other = shared(batch), own(batch)
    for name, feature in one.pooled.items():
        torch.testing.assert_close(other.pooled[name], feature, rtol=1e-4, atol=1e-5)
    own.losses(other, batch)["id_f_V"].backward()
    assert own.trunk.pose.layer4[0].conv1.weight.grad.abs().sum() > 0
    assert build(replace(BASELINE, variant="own_layer4")).trunk.state_dict().keys() == shared.trunk.state_dict().keys()


def test_both_layer4s_start_from_the_same_weights():
    model = build(replace(FULL, variant="own_layer4"))
    load_trunk(model, build(seed=3).trunk.state_dict(), "another trunk")
    for name, weight in model.trunk.main.state_dict().items():
        assert torch.equal(model.trunk.pose.state_dict()[name], weight)


def test_loss_weights_are_lambda():
    batch = batch_of()
    once, twice = (build(replace(FULL, lambda_cl=w, lambda_mcl=w)).train() for w in (0.25, 0.5))
    small, large = (model.losses(model(batch), batch) for model in (once, twice))
    for name, loss in small.items():
        factor = 2 if name in ("consistent", "multi_part_contrastive") else 1
        assert large[name].item() == pytest.approx(factor * loss.item(), rel=1e-4)
