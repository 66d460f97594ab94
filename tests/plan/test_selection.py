"""The datasets, profile and seeds that a table gets when the command line leaves them open."""

from __future__ import annotations

import pytest

from harness.machine.computation import Computation
from harness.plan.plan import Plan
from harness.plan.planner import Planner
from harness.plan.selection import choose
from harness.plan.shelf import Shelf
from harness.recipe import STUDY_SEEDS
from harness.results.store import Store
from harness.tables import tables


def chosen(table_id, tmp_path, profile=None, dataset=None):
    table = tables()[table_id]
    return choose(table, table.rows, dataset, profile, Shelf(tmp_path), planning=False)


def test_a_table_of_a_mechanism_runs_on_the_positions_of_its_own_dial(tmp_path):
    choice = chosen("mpn_mechanism", tmp_path)
    assert choice.profile == "demo"
    assert choice.datasets == tuple(f"synthetic:misalignment={number}" for number in (0, 0.5, 1, 2))
    assert chosen("mpn_mechanism", tmp_path, "study").datasets == choice.datasets


def test_a_dataset_with_turned_knobs_is_planned_by_its_canonical_id(tmp_path):
    assert chosen("mpn_ablation", tmp_path, dataset="synthetic:misalignment=2.0").datasets == (
        "synthetic:misalignment=2",
    )


@pytest.mark.parametrize("profile", ["demo", "study"])
def test_demo_and_study_run_on_the_embedded_dataset_that_stands_in(tmp_path, profile):
    assert chosen("pgfl_kd_ablation", tmp_path, profile).datasets == ("synthetic_occluded",)


@pytest.mark.parametrize(("profile", "seeds"), [("demo", (0,)), ("study", STUDY_SEEDS)])
def test_a_study_has_three_seeds_and_a_demo_one(tmp_path, profile, seeds):
    plan, choice = Plan(), chosen("mpn_mechanism", tmp_path, profile)
    planner = Planner(Shelf(tmp_path), Store(tmp_path), Computation(bfloat16=False), draw=False)
    planner.add(plan, choice)
    assert {planned.cell.seed for planned in plan.cells} == set(seeds)
    assert len(plan.cells) == len(seeds) * len(choice.rows) * len(choice.datasets)


def test_positions_of_a_dial_that_turns_queries_share_their_trainings(tmp_path):
    plan, choice = Plan(), chosen("pgfl_kd_mechanism", tmp_path)
    planner = Planner(Shelf(tmp_path), Store(tmp_path), Computation(bfloat16=False), draw=False)
    planner.add(plan, choice)
    # The baseline, the full method, and the ide run that both start from.
    assert len(plan.runs) == 3 and {run.dataset for run in plan.runs.values()} == {"synthetic_occluded"}
