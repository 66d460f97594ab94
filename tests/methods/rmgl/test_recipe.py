"""RMGL: which switches name a variant, the recipe as printed, and how few runs its tables need."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import asdict, replace

import pytest
import torch

from harness import registry
from harness.errors import BadInput
from harness.machine.computation import Computation
from harness.plan.plan import Plan
from harness.plan.planner import Planner
from harness.plan.selection import Choice
from harness.plan.shelf import Shelf
from harness.recipe import Erasing, Jitter, RandomCrop, Shifting
from harness.results.store import Store
from harness.tables import table, tables
from harness.training.optimisation import build_optimiser, rate_factor
from methods.rmgl import METHOD, RMGLSwitches

RMGL = RMGLSwitches()
BASELINE = RMGLSwitches(receptive_partition=False, activation_balanced_pooling=False, random_shifting=False)
ROWS_OF_PAPER_TABLES = [
    (table.id, row)
    for table in tables().values()
    if table.method == "rmgl" and not table.is_our_own
    for row in table.rows
    if row.runs
]


# --- switches ---


@pytest.mark.parametrize(
    "values",
    [
        {"stripes": []},
        {"stripes": 2},
        {"stripes": [2, 2]},
        {"stripes": [0]},
        {"stripes": [True]},
        {"original_path": False, "receptive_partition": False},
        {"rp_position": "res_6"},
        {"rp_position": "res_4", "receptive_partition": False, "activation_balanced_pooling": False},
        {"original_path": False},
        {"stripes": [1]},
        {"stripes": [1], "activation_balanced_pooling": False, "path_norms": "separate"},
        {"stripes": [1], "activation_balanced_pooling": False, "original_path": False},
        {"abp_phase": "both", "activation_balanced_pooling": False},
        {"random_shifting": False, "rsa_crop_min": 0.5},
        {"rsa_probability": 0, "rsa_crop_min": 0.5},
        {"rsa_crop_prob": 0, "rsa_crop_min": 0.5},
        {"rsa_crop_prob": 1.2},
        {"rsa_width_min": 0},
        {"global_branch_stride": 1},
        {"stripes": [1, 2], "global_branch_stride": 1.0},
        {"crop_resize_shift": True},
        {"margin": "hard"},
        {"margin": -0.1},
        {"margin": True},
        {"weight_decay": math.nan},
        {"reranking": 1},
    ],
)
def test_values_and_combinations_that_name_no_variant_are_refused_in_one_line(values):
    with pytest.raises(BadInput, match=r"^row 1: [^\n]+$"):
        METHOD.parse(values, "row 1")


def test_balancing_without_stripes_names_the_mend():
    with pytest.raises(BadInput, match="turn it off, or give it a branch of 2 stripes or more with its original path"):
        METHOD.parse({"original_path": False}, "row 1")


def test_equal_variants_are_equal_switches_however_they_are_written():
    assert METHOD.parse({"stripes": [3, 2], "margin": 0.6}, "row 1") == RMGL
    assert hash(METHOD.parse({"stripes": [3, 2]}, "row 1")) == hash(RMGL)
    assert json.dumps(asdict(RMGLSwitches(margin=1))) == json.dumps(asdict(RMGLSwitches(margin=1.0)))


# --- the recipe (Sec. IV-A) ---


def test_the_paper_profile_is_as_printed():
    recipe = METHOD.recipe(RMGL, "market1501", "paper")
    assert (recipe.backbone, recipe.height, recipe.width) == ("resnet50", 384, 128)
    assert (recipe.sampler.identities, recipe.sampler.images_per_identity) == (12, 4)
    assert (recipe.optimiser.name, recipe.optimiser.momentum, recipe.optimiser.weight_decay) == ("sgd", 0.9, 1e-3)
    assert recipe.initialisation.kind == "imagenet" and recipe.flip_test and recipe.augmentation.flip == 0.5
    shifting = recipe.augmentation.shifting
    assert (shifting.crop_probability, shifting.crop_min) == (0.5, 0.7)
    assert (shifting.height_min, shifting.width_min) == (0.5, 0.5)
    assert (shifting.probability, shifting.crop_width, shifting.interpolation) == (0.5, False, "bilinear")
    assert METHOD.recipe(BASELINE, "market1501", "paper").augmentation.shifting is None
    assert recipe.epochs == 70 and RMGL.local_pooling == "max"


def test_each_number_of_random_shifting_reaches_its_place():
    numbers = (0.1, 0.2, 0.3, 0.4, 0.6)
    names = ("rsa_probability", "rsa_crop_prob", "rsa_crop_min", "rsa_height_min", "rsa_width_min")
    switches = replace(RMGL, **dict(zip(names, numbers, strict=True)))
    assert METHOD.recipe(switches, "market1501", "paper").augmentation.shifting == Shifting(*numbers)


def test_the_augmentations_of_table_6_are_those_of_the_readme():
    every = replace(BASELINE, color_jitter=True, random_cropping=True, random_erasing=True)
    augmentation = METHOD.recipe(every, "market1501", "paper").augmentation
    assert augmentation.jitter == Jitter(brightness=0.2, contrast=0.15, saturation=0.15, probability=1.0)
    assert augmentation.crop == RandomCrop(area=(0.64, 1.0), aspect=(1.0, 1.0), shift=0.0, probability=0.5)
    assert augmentation.erasing == Erasing(0.5, (0.02, 0.4), (0.3, 3.33), fill=(0.0, 0.0, 0.0))
    moved = METHOD.recipe(replace(BASELINE, crop_resize_shift=True), "market1501", "paper").augmentation.crop
    assert moved == RandomCrop(area=(0.64, 1.0), aspect=(0.75, 1.33), shift=0.1, probability=0.5)


@pytest.mark.parametrize(
    ("epoch", "rate"), [(0, 1e-5), (1, 1e-4), (1.5, 10**-3.5), (2, 1e-3), (3, 1e-2), (29, 1e-2), (30, 1e-3), (50, 1e-4)]
)
def test_the_rate_grows_by_a_thousand_in_three_epochs_and_falls_after_30_and_50(epoch, rate):
    recipe = METHOD.recipe(RMGL, "market1501", "paper")
    whole, iteration = int(epoch), int(epoch % 1 * 270)
    factor = rate_factor(recipe.schedule, recipe.epochs, whole, iteration, 270)
    assert recipe.optimiser.rate * factor == pytest.approx(rate)


def test_reductions_and_classifiers_learn_ten_times_as_fast_and_nothing_else():
    torch.manual_seed(0)
    model = METHOD.build(RMGL, 4, "resnet10")
    optimiser = build_optimiser(model, METHOD.recipe(RMGL, "market1501", "paper").optimiser)
    fast, slow = (
        {
            id(parameter)
            for group in optimiser.param_groups
            if group["factor"] == factor
            for parameter in group["params"]
        }
        for factor in (10.0, 1.0)
    )
    assert fast == {id(parameter) for parameter in model.heads.parameters()}
    assert slow == {id(parameter) for parameter in model.trunk.parameters()}


@pytest.mark.parametrize("name", ["color_jitter", "random_cropping", "random_erasing", "crop_resize_shift"])
def test_each_augmentation_of_table_6_is_one_change_to_the_baselines(name):
    plain = METHOD.recipe(BASELINE, "market1501", "paper")
    changed = METHOD.recipe(replace(BASELINE, **{name: True}), "market1501", "paper")
    before, after = asdict(plain.augmentation), asdict(changed.augmentation)
    assert [field for field in before if before[field] != after[field]] == [
        {"color_jitter": "jitter", "random_erasing": "erasing"}.get(name, "crop")
    ]
    assert replace(changed, augmentation=plain.augmentation) == plain


# --- tables ---


def plan_of(table_id: str, tmp_path, profile: str = "paper") -> Plan:
    plan, wanted = Plan(), table(table_id)
    planner = Planner(Shelf(tmp_path), Store(tmp_path / "results"), Computation(bfloat16=False), draw=False)
    planner.add(plan, Choice(wanted, wanted.rows, wanted.columns, profile))
    return plan


@pytest.mark.parametrize("table_id", [each.id for each in tables().values() if each.method == "rmgl"])
def test_every_table_plans_as_printed_and_every_row_of_the_paper_has_its_run(table_id, tmp_path):
    plan = plan_of(table_id, tmp_path)
    running = {row.key for row in table(table_id).rows if row.runs}
    assert {cell.cell.row for cell in plan.cells if cell.run} == running


def test_balanced_and_reranked_cells_share_the_run_they_are_read_from(tmp_path):
    plan = plan_of("rmgl_ablation", tmp_path)
    assert (len(plan.cells), len(plan.runs)) == (42, 32)
    sota = [cell for cell in plan_of("rmgl_sota", tmp_path).cells if cell.run]
    assert len({cell.run.id for cell in sota}) == 2 and len(sota) == 4
    assert {cell.feature_label for cell in sota} == {"feature_abp", "feature_abp-reranked"}


def test_nothing_is_trained_twice_for_the_cross_dataset_table(tmp_path):
    plan = plan_of("rmgl_cross", tmp_path)
    assert [run.dataset for run in plan.runs.values()] == ["market1501", "dukemtmc", "cuhk03_detected", "msmt17"]
    tested = [[cell.cell.dataset for cell in plan.cells_of(run)] for run in plan.runs.values()]
    assert [sorted(each) for each in tested] == [
        ["cuhk03", "dukemtmc"],
        ["cuhk03", "market1501"],
        ["dukemtmc", "market1501"],
        ["cuhk03", "dukemtmc", "market1501"],
    ]
    known = {
        run.id for name in ("rmgl_sota", "rmgl_cuhk03", "rmgl_msmt17") for run in plan_of(name, tmp_path).runs.values()
    }
    assert plan.runs.keys() <= known


def test_76_rows_run_and_rows_that_the_paper_says_are_equal_are():
    assert len(ROWS_OF_PAPER_TABLES) == 76
    by_name = {(table_id, row.key): METHOD.parse(dict(row.switches), "") for table_id, row in ROWS_OF_PAPER_TABLES}
    full = by_name["rmgl_sota", "RMGL(Ours)"]
    same = [("rmgl_ablation", "2+3-stripe+RP+ABP+RSA"), ("rmgl_margin", "margin = 0.6"), ("rmgl_rsa", "p_c = 0.5")]
    assert all(by_name[row] == full == RMGL for row in [*same, ("rmgl_weight_decay", "weight decay = 0.001")])
    assert by_name["rmgl_partitions", "s_2"] == by_name["rmgl_ablation", "2-stripe+RP+RSA"]
    assert by_name["rmgl_depth", "K=3, output"] == by_name["rmgl_ablation", "3-stripe (BL)"]


def test_importing_the_method_needs_no_torch():
    script = "import sys, methods.rmgl; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
    assert registry.method("rmgl") is METHOD
