"""Why a figure cannot be set against a published one: whose priors, which training set, and what BN saw."""

from types import SimpleNamespace

import pytest

from harness.cell import Cell
from harness.datasets import dataset as dataset_spec
from harness.datasets.base import Passport
from harness.machine.computation import Computation
from harness.method import Method
from harness.plan.plan import Plan
from harness.plan.planner import Planner
from harness.plan.selection import Choice
from harness.plan.shelf import Shelf
from harness.recipe import Sampler
from harness.results.record import Origin, PriorsOfSplit
from harness.results.store import Store
from harness.runs.comparability import reasons
from harness.tables import table
from methods.ide import METHOD as IDE
from methods.mdpr import METHOD as MDPR
from methods.pgfl_kd import METHOD

OFFICIAL = Passport("market1501", "official", "f" * 64, {}, official=True)
IMAGENET: Origin = {"kind": "imagenet", "wanted": "imagenet", "reason": None}
SCRATCH: Origin = {"kind": "scratch", "wanted": "scratch", "reason": None}
ALONE = Computation(bfloat16=False)


def read(provider: str, kinds: str = "keypoints") -> PriorsOfSplit:
    return {"kinds": [kinds], "provider": provider, "fingerprint": "0"}


def evaluated(run, cell: Cell, priors: dict[str, PriorsOfSplit], origin: Origin, trained_on: Passport = OFFICIAL):
    """As much of an evaluated cell as speaks for or against comparing it."""
    of_table = table(cell.table)
    planned = SimpleNamespace(cell=cell, row=of_table.row(cell.row), spec=dataset_spec(cell.dataset))
    trained = SimpleNamespace(manifest={"initialisation": {"origin": origin}})
    return SimpleNamespace(
        **{"planned": planned, "run": run, "trained": trained, "trained_on": trained_on, "priors": priors},
        dataset=SimpleNamespace(passport=OFFICIAL),
    )


def reasons_with(
    priors: dict[str, PriorsOfSplit],
    dataset: str = "market1501",
    method: Method = METHOD,
    trained_on: tuple[str, str] = ("", "official"),
    computation: Computation = ALONE,
    groups: int = 1,
    row: str = "MPN",
) -> list[str]:
    """``trained_on`` is a dataset, by default the one that is tested on, and the variant found of it."""
    recipe = SimpleNamespace(sampler=Sampler(16, 4, groups=groups), losses_over="gathered")
    run = SimpleNamespace(
        **{"method": method, "switches": method.switches(), "dataset": trained_on[0] or dataset},
        **{"recipe": recipe, "computation": computation},
    )
    run.lineage = (run,)
    variant = trained_on[1]
    trained = Passport(run.dataset, variant, "f" * 64, {}, official=variant == "official")
    return reasons(evaluated(run, Cell("mpn_ablation", row, dataset, "paper", 0), priors, IMAGENET, trained))


def test_keypoints_of_another_estimator_are_a_reason_and_each_is_named_once():
    assert reasons_with({}) == []
    (reason,) = reasons_with({"train": read("file a.npz")})
    assert reason == "priors: file a.npz, not the paper's estimator"
    (reason,) = reasons_with({"train": read("file a.npz"), "query": read("file b.npz"), "gallery": read("file b.npz")})
    assert reason == "priors: file a.npz and file b.npz, not the paper's estimator"


@pytest.mark.parametrize(
    ("priors", "dataset"),
    [
        ({"train": read("infrared by the cameras of sysu_all", "infrared")}, "sysu_all"),
        ({"train": read("synthetic_occluded truth")}, "synthetic_occluded"),
    ],
)
def test_what_is_known_and_not_estimated_is_no_such_reason(priors, dataset):
    assert not [reason for reason in reasons_with(priors, dataset) if "estimator" in reason]


def test_a_training_set_that_is_not_the_published_one_is_a_reason_where_another_set_is_tested():
    assert reasons_with({}, "partial_reid", trained_on=("market1501", "official")) == []
    (reason,) = reasons_with({}, "partial_reid", trained_on=("market1501", "differs: train_images is 12"))
    assert reason == "training set variant: differs: train_images is 12"
    embedded = reasons_with({}, "synthetic_b", trained_on=("synthetic", "synthetic seed 0"))
    assert not any("training set" in reason for reason in embedded)


def test_bn_over_shares_that_the_recipe_does_not_make_is_a_reason():
    shared = Computation(bfloat16=False, processes=4)
    (reason,) = reasons_with({}, computation=shared)
    assert reason == "BN over each process's share of the batch, 16 images on each of 4 GPUs"
    assert reasons_with({}, computation=shared, groups=4) == []
    assert reasons_with({}, computation=Computation(bfloat16=False, processes=4, sync_batch_norm=True)) == []


def test_the_papers_own_start_is_named_where_a_run_starts_from_another_that_began_from_scratch():
    """MDPR's demo starts from a run of IDE, whose own recipe asks for ImageNet weights; MDPR asks for LUPerson's."""

    def run(method):
        sampler = SimpleNamespace(sampler=Sampler(8, 4))
        of_method = {"method": method, "switches": method.switches(), "dataset": "synthetic"}
        return SimpleNamespace(**of_method, recipe=sampler, computation=ALONE)

    ide, mdpr = run(IDE), run(MDPR)
    ide.lineage, mdpr.lineage = (ide,), (ide, mdpr)
    cell = Cell("mdpr_features", "f^Soft", "synthetic", "demo", 0)
    for each, weights in ((mdpr, "LUPerson"), (ide, "ImageNet")):
        found = reasons(evaluated(each, cell, {}, SCRATCH))
        (reason,) = (reason for reason in found if reason.startswith("initialisation"))
        assert reason.endswith(f"began from scratch, as the recipe says; the paper's began from {weights} weights")


def test_figures_that_are_another_rows_are_a_reason():
    (reason,) = reasons_with({}, "cuhk03_detected", row="Baseline (UB)")
    assert reason.endswith("are those of Baseline on CUHK03 labeled (Sec. 5.2.1)")
    assert reasons_with({}, "market1501", row="Baseline (UB)") == []


def test_figures_that_are_another_rows_are_no_target_to_explain(tmp_path):
    plan, wanted = Plan(), table("mpn_ablation")
    planner = Planner(Shelf(tmp_path), Store(tmp_path), ALONE, draw=False)
    choice = Choice(wanted, (wanted.row("Baseline (UB)"),), ("market1501", "cuhk03_detected"), "paper")
    planner.add(plan, choice)
    assert [bool(planned.published) for planned in plan.cells] == [True, False]
