"""PGFL-KD: what is read at test, its cost, its recipe and switches, and what the rows of its tables turn."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness import run as command_line
from harness.errors import BadInput
from harness.measure import count_operations, inference_parameters
from harness.measure.cost import ESTIMATORS
from harness.models.backbone import build_backbone, resnet_part
from harness.recipe import Schedule
from harness.results.store import Store
from harness.tables import tables
from methods.ide.recipe import EFFORT as IDE_EFFORT
from methods.pcb import METHOD as PCB
from methods.pcb import PCBSwitches
from methods.pgfl_kd import METHOD, PGFLKDSwitches
from methods.pgfl_kd.recipe import EFFORT
from tests.methods.pgfl_kd.test_model import (
    BASELINE,
    CHANNELS,
    FULL,
    NOT_DISTILLED,
    SAB_DISTANCE,
    VARIANTS,
    batch_of,
    build,
    keypoints_of,
)

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


@pytest.mark.slow
def test_f_g_is_evaluated_where_no_prior_of_a_test_image_exists(
    market_root, tmp_path, monkeypatch, capsys, leave_methods
):
    leave_methods("ide", "pcb", "pgfl_kd")
    for effort in (IDE_EFFORT, EFFORT):
        monkeypatch.setitem(effort, "demo", replace(effort["demo"], epochs=1, schedule=Schedule()))
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


@pytest.mark.slow
def test_a_cells_evaluation_is_the_same_whatever_is_pending_beside_it(
    market_root, tmp_path, monkeypatch, leave_methods
):
    leave_methods("ide", "pcb", "pgfl_kd")
    for effort in (IDE_EFFORT, EFFORT):
        monkeypatch.setitem(effort, "demo", replace(effort["demo"], epochs=1, schedule=Schedule()))
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


def test_a_reading_of_what_is_off_names_no_variant_of_its_own():
    baseline = replace(NOT_DISTILLED, sab=False, interaction=False, multi_part_contrastive=False, feb=False)
    assert replace(baseline, variant="reconciled") == baseline
    without_contrast = replace(FULL, multi_part_contrastive=False, lambda_mcl=0)
    assert replace(without_contrast, variant="reconciled") == replace(without_contrast, variant="own_layer4")
    assert replace(without_contrast, variant="unit_vectors") == without_contrast
    assert replace(FULL, variant="reconciled").variant == "reconciled"


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
        {"variant": "released"},
        {"triplet": "soft"},
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
