"""DDAG: its recipe as printed and as released, its switches, and how many trainings its tables need."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest
import torch

from harness.datasets import DATASETS
from harness.errors import BadInput
from harness.machine.computation import Computation
from harness.plan.forecast import Forecast
from harness.plan.plan import Plan
from harness.plan.planner import Planner
from harness.plan.selection import Choice
from harness.plan.shelf import Shelf
from harness.recipe import Augmentation
from harness.results.store import Store
from harness.run import main
from harness.tables import Table, table
from harness.training.optimisation import build_optimiser, rate_factor
from methods.ddag import METHOD, DDAGSwitches
from tests.methods.ddag.test_model import BASELINE, FULL, GRAPH, PART, RELEASED, build

# --- recipe (Sec. 4.1) ---


def factors(switches):
    recipe = METHOD.recipe(switches, "sysu_all", "paper")
    return [recipe.optimiser.rate * rate_factor(recipe.schedule, recipe.epochs, e, 0, 10) for e in range(recipe.epochs)]


def test_the_rates_are_those_of_the_paper_and_of_the_released_code():
    warm = [0.1 * (epoch + 1) / 10 for epoch in range(10)]
    assert factors(FULL) == pytest.approx([*warm, *[0.1] * 20, *[0.01] * 20, *[0.001] * 30])
    assert factors(RELEASED) == pytest.approx([*warm, *[0.1] * 10, *[0.01] * 30, *[0.001] * 31])


def test_stems_and_trunk_learn_at_a_tenth_of_the_rate_and_a_batch_holds_64_images():
    recipe = METHOD.recipe(FULL, "regdb_visible_to_infrared", "paper")
    with torch.device("meta"):
        model = METHOD.build(FULL, 206, recipe.backbone)
    groups = build_optimiser(model, recipe.optimiser).param_groups
    slow = {id(parameter) for group in groups if group["factor"] == 0.1 for parameter in group["params"]}
    assert slow == {id(parameter) for parameter in model.trunk.parameters()}
    assert (recipe.height, recipe.width, recipe.sampler.batch_size) == (288, 144, 64)
    assert not recipe.flip_test


@pytest.mark.parametrize("switches", [FULL, RELEASED])
@pytest.mark.parametrize("dataset", ["sysu_all", "regdb_visible_to_infrared"])
def test_sgd_augmentation_and_start_are_those_of_section_4_1_on_both_datasets(switches, dataset):
    recipe = METHOD.recipe(switches, dataset, "paper")
    optimiser = build_optimiser(build(switches), recipe.optimiser)
    assert isinstance(optimiser, torch.optim.SGD)
    for group in optimiser.param_groups:
        assert (group["momentum"], group["nesterov"], group["weight_decay"]) == (0.9, True, 5e-4)
        assert group["lr"] == pytest.approx(0.1 * group["factor"])
    assert recipe.augmentation == Augmentation(flip=0.5, padding=10, erasing=None)
    assert recipe.initialisation.kind == "imagenet"


# --- switches ---


def test_switches_of_an_attention_that_is_off_mean_nothing():
    assert DDAGSwitches(part_attention=False, parts=6, part_aggregation="avg", graph=False, heads=2) == BASELINE
    assert replace(GRAPH, part_residual="res") == GRAPH
    assert replace(GRAPH, test_feature="x_star") == GRAPH


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"part_aggregation": "sum"}, "part_aggregation must be one of none, avg, concat, weight"),
        ({"part_aggregation": "none"}, "part_attention needs a part_aggregation other than none"),
        ({"parts": 0}, "1 part or more"),
        ({"parts": 2.5}, "parts must be a whole number"),
        ({"heads": True}, "heads must be a whole number"),
        ({"graph_neighbours": 9}, "1 to 8 graph_neighbours"),
        ({"graph": "yes"}, "graph must be true or false"),
        ({"variant": "code"}, "variant must be one of paper, released"),
        ({"test_feature": "pooled"}, "test_feature must be one of x_star, f"),
    ],
)
def test_a_value_that_names_no_variant_is_refused_in_a_sentence(wrong, said):
    with pytest.raises(BadInput, match=said):
        METHOD.parse(wrong, "a test")


def test_rows_with_part_attention_are_read_by_x_star_and_others_by_f():
    assert [METHOD.embedding(switches) for switches in (FULL, PART, GRAPH, BASELINE)] == ["x_star", "x_star", "f", "f"]
    assert METHOD.embedding(DDAGSwitches(test_feature="f")) == "f"


def test_rows_that_are_ranked_by_x_star_and_by_f_share_a_training(tmp_path):
    wanted = table("ddag_regdb")
    row = wanted.row("DDAG (Ours)")
    rows = [row, replace(row, name="f", key="f", switches={**row.switches, "test_feature": "f"})]
    plan = plan_of(replace(wanted, rows=tuple(rows)), tmp_path, seeds=[0])
    assert len(plan.runs) == 1
    assert {(planned.cell.row, planned.embedding) for planned in plan.cells} == {(row.key, "x_star"), ("f", "f")}


# --- tables 4 and 5: how many trainings (Sec. 4.1) ---


def plan_of(wanted: Table, tmp_path, seeds=()) -> Plan:
    plan = Plan()
    planner = Planner(Shelf(tmp_path), Store(tmp_path / "results"), Computation(bfloat16=False), draw=False)
    planner.add(plan, Choice(wanted, wanted.rows, wanted.columns, "paper"), seeds)
    return plan


@pytest.mark.parametrize(("table_id", "trainings"), [("ddag_regdb", 10), ("ddag_sysu", 1)])
def test_the_command_plans_ten_trainings_on_regdb_and_one_on_sysu_without_their_data(
    table_id, trainings, tmp_path, capsys
):
    folders = ("--data-root", str(tmp_path), "--results", str(tmp_path / "results"))
    assert main(["--table", table_id, "--profile", "paper", "--dry-run", "--json", *folders]) == 0
    planned = json.loads(capsys.readouterr().out)
    own = [run for run in planned["runs"] if run["method"] == "ddag"]
    assert len(own) == len({run["id"] for run in own}) == trainings
    assert all(len(run["cells"]) == 2 for run in own)


def test_one_training_serves_both_searches_of_sysu(tmp_path):
    plan = plan_of(table("ddag_sysu"), tmp_path)
    cells = [(run.method.id, [planned.cell.dataset for planned in plan.cells_of(run)]) for run in plan.runs.values()]
    assert cells == [("agw", ["sysu_all", "sysu_indoor"]), ("ddag", ["sysu_all", "sysu_indoor"])]


def test_ten_splits_of_regdb_are_ten_trainings_that_serve_both_directions(tmp_path):
    plan = plan_of(table("ddag_regdb"), tmp_path)
    assert [run.seed for run in plan.runs.values()] == list(range(10))
    spec = DATASETS["regdb_visible_to_infrared"]
    assert [spec.split_of(run.seed) for run in plan.runs.values()] == list(range(1, 11))
    assert all(len(plan.cells_of(run)) == 2 for run in plan.runs.values())
    assert Counter(planned.cell.row for planned in plan.cells if planned.run is None)["HCML [57]"] == 2


def test_the_forecast_counts_the_images_of_the_larger_modality(tmp_path):
    plan = plan_of(table("ddag_sysu"), tmp_path)
    (run,) = (run for run in plan.runs.values() if run.method is METHOD)
    forecast = Forecast(plan, Store(tmp_path / "results"), {"sysu_all": (34_167, 11_909)}, "Abacus")
    assert forecast.images_trained(run) == 80 * 696 * 64
