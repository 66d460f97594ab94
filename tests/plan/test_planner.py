"""Plans with settings of one's own: the runs that cells need, and where they start."""

import pytest
import torch
from safetensors.torch import save_file

from harness.execution.job import Job
from harness.machine.computation import Computation
from harness.plan.plan import Plan
from harness.plan.planner import Planner
from harness.plan.selection import Choice
from harness.plan.settings import combinations
from harness.plan.shelf import Shelf
from harness.results.store import Store
from harness.tables import table


def planned(tmp_path, table_id, row, *texts, profile="budget", weights=None):
    """The plan of one row on the embedded dataset, which is not drawn."""
    shelf, store = Shelf(tmp_path / "nothing"), Store(tmp_path / "results")
    planner = Planner(shelf, store, Computation(bfloat16=False), draw=False, initial_weights=weights)
    wanted, plan = table(table_id), Plan()
    rows, every = (wanted.row(row),), tuple(combinations(texts))
    planner.add(plan, Choice(wanted, rows, ("synthetic",), profile, combinations=every), [0])
    return plan


def test_without_settings_a_cell_and_its_run_are_as_before(tmp_path):
    (cell,) = planned(tmp_path, "mpn_ablation", "MPN").cells
    assert cell.cell.settings == () and "settings" not in cell.needed_run.configuration
    assert cell.published == {}  # The paper prints nothing on the embedded dataset.


def test_a_start_follows_the_backbone_and_keeps_its_own_epochs(tmp_path):
    (plain,) = planned(tmp_path, "mpn_ablation", "MPN").cells
    (cell,) = planned(tmp_path, "mpn_ablation", "MPN", "recipe.backbone=resnet10", "recipe.epochs=9").cells
    start, before = cell.needed_run.parent, plain.needed_run.parent
    assert (start.recipe.backbone, start.recipe.epochs) == ("resnet10", before.recipe.epochs)
    assert start.id != before.id


def test_a_setting_of_the_row_alone_shares_the_start(tmp_path):
    (plain,) = planned(tmp_path, "mpn_ablation", "MPN").cells
    one, two = planned(tmp_path, "mpn_ablation", "MPN", "recipe.optimiser.rate=0.3,0.4").cells
    assert one.needed_run.parent.id == two.needed_run.parent.id == plain.needed_run.parent.id
    assert len({one.needed_run.id, two.needed_run.id, plain.needed_run.id}) == 3


@pytest.fixture
def weights(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "w.safetensors")
    return tmp_path / "w.safetensors"


def test_a_file_starts_the_row_itself_or_the_run_that_its_paper_starts_from(tmp_path, weights):
    (rmgl,) = planned(tmp_path, "rmgl_ablation", "RMGL (1+2+3)", weights=weights).cells
    (mpn,) = planned(tmp_path, "mpn_ablation", "MPN", weights=weights).cells
    assert (rmgl.needed_run.recipe.initialisation.kind, rmgl.needed_run.parent) == ("file", None)
    assert mpn.needed_run.parent.recipe.initialisation.kind == "file"
    assert [setting.name for setting in mpn.cell.settings] == ["initial_weights"]
    assert mpn.needed_run.parent.weights_file == weights


def test_all_stages_of_a_staged_training_have_the_same_trunk(tmp_path):
    (cell,) = planned(tmp_path, "pcb_main", "PCB+RPP", "recipe.backbone=mobilenet_v2").cells
    lineage = cell.needed_run.lineage
    assert {run.recipe.backbone for run in lineage} == {"mobilenet_v2"}
    assert [run.recipe.initialisation.kind for run in lineage] == ["imagenet", "run", "run"]
    assert {(run.recipe.height, run.recipe.width) for run in lineage} == {(128, 64)}


def test_a_method_that_needs_another_trunk_blocks_its_cell_with_the_reason(tmp_path):
    (cell,) = planned(tmp_path, "mgn_main", "MGN", "recipe.backbone=mobilenet_v2").cells
    assert (cell.state, "cannot be cut between the blocks" in cell.reason) == ("blocked", True)


def test_a_job_keeps_settings_and_the_file_of_weights(tmp_path, weights):
    (cell,) = planned(tmp_path, "mpn_ablation", "MPN", "recipe.epochs=9", weights=weights).cells
    names = {"data_root": str(tmp_path), "results": str(tmp_path), "device": "cpu", "keep_images": False}
    job = Job("r", (cell.cell,), computation=Computation(False), initial_weights=str(weights), **names)
    job.write(tmp_path / "job.json")
    read = Job.read(tmp_path / "job.json")
    assert read == job
    assert read.planner().initial_weights == weights
