"""MDPR: which switches name a variant and what each of them moves, the recipe, and how few runs its tables need."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from harness.errors import BadInput
from harness.machine.computation import Computation
from harness.plan.plan import Plan
from harness.plan.planner import Planner
from harness.plan.selection import Choice
from harness.plan.shelf import Shelf
from harness.results.store import Store
from harness.tables import tables
from methods.mdpr import METHOD, MDPRSwitches
from tests.methods.mdpr.variants import (
    FULL,
    HARD_ONLY,
    INDEPENDENT,
    NEITHER,
    RELEASED,
    SOFT_ONLY,
    UNFUSED,
    batch_of,
    build,
    size,
)

# --- the switches ---

CHANGES = {
    "embedding_dim": (FULL, replace(FULL, embedding_dim=256)),
    "num_attention": (FULL, replace(FULL, num_attention=4)),
    "attention_guidance": (FULL, replace(FULL, attention_guidance=False)),
    "beta": (FULL, replace(FULL, beta=0.1)),
    "distillation": (FULL, replace(FULL, distillation=False)),
    "fusion": (NEITHER, replace(NEITHER, fusion=True)),
    "branches": (HARD_ONLY, SOFT_ONLY),
    "independent_networks": (FULL, INDEPENDENT),
    "features": (FULL, replace(FULL, features=("fusion",))),
    "variant": (FULL, RELEASED),
}


def what_can_be_seen(switches: MDPRSwitches) -> dict[str, float]:
    model, batch = build(switches), batch_of()
    seen = {"parameters": float(size(model))}
    seen |= {name: value.item() for name, value in model.losses(model.train()(batch), batch).items()}
    return seen | {name: found.sum().item() for name, found in model.eval().embed(batch.images).items()}


def test_every_switch_is_tried():
    assert set(CHANGES) == {field.name for field in fields(MDPRSwitches)}


@pytest.mark.parametrize("name", CHANGES)
def test_every_switch_moves_the_network_or_what_is_ranked(name):
    before, after = CHANGES[name]
    assert getattr(before, name) != getattr(after, name)
    at_test_only = name in METHOD.test_switches
    assert (what_can_be_seen(before) == what_can_be_seen(after)) is at_test_only
    if at_test_only:
        assert METHOD.embedding(before) != METHOD.embedding(after)


def test_equal_values_are_equal_switches_however_they_are_written():
    shuffled = METHOD.parse({"features": ["fusion", *UNFUSED], "branches": ["soft", "hard"], "beta": 0.001}, "row 1")
    assert shuffled == FULL and hash(shuffled) == hash(FULL)
    assert type(MDPRSwitches(beta=0).beta) is float and str(MDPRSwitches(beta=-0.0).beta) == "0.0"


@pytest.mark.parametrize(
    "values",
    [
        {"embedding_dim": 0},
        {"embedding_dim": 512.0},
        {"num_attention": True},
        {"attention_guidance": 1},
        {"beta": -0.1},
        {"beta": math.nan},
        {"beta": "0.1"},
        {"distillation": None},
        {"branches": []},
        {"branches": "hard"},
        {"branches": ["hard", "hard"]},
        {"branches": ["hard"]},
        {"branches": ["soft"], "distillation": False},
        {"branches": ["hard"], "distillation": False, "fusion": False, "features": ["hard_g5"], "beta": 0.1},
        {"branches": ["hard"], "distillation": False, "fusion": False, "features": ["soft_g5"]},
        {
            "branches": ["soft"],
            "distillation": False,
            "fusion": False,
            "features": ["soft_g5"],
            "independent_networks": True,
        },
        {"fusion": False},
        {"features": ["g5"]},
        {"features": []},
        {"features": ["fusion", "fusion"]},
        {"variant": "code"},
    ],
)
def test_values_and_combinations_that_name_no_variant_are_refused_in_one_line(values):
    with pytest.raises(BadInput, match=r"^row 1: .+$"):
        METHOD.parse(values, "row 1")


# --- the recipe (Sec. IV-B) ---


def test_the_paper_profile_is_as_printed():
    recipe = METHOD.recipe(FULL, "market1501", "paper")
    assert (recipe.backbone, recipe.height, recipe.width) == ("resnet101_ibn_a", 384, 192)
    assert (recipe.sampler.identities, recipe.sampler.images_per_identity, recipe.sampler.groups) == (16, 16, 1)
    assert (recipe.optimiser.name, recipe.optimiser.rate, recipe.optimiser.weight_decay) == ("adam", 3.5e-4, 5e-4)
    warmup = recipe.schedule.warmup
    assert (recipe.epochs, warmup.length, warmup.unit, warmup.shape) == (60, 2000, "iterations", "linear")
    assert warmup.start * recipe.optimiser.rate == pytest.approx(3.5e-5)
    assert recipe.schedule.cosine_to * recipe.optimiser.rate == pytest.approx(1e-7)
    augmentation = recipe.augmentation
    assert augmentation.flip == augmentation.erasing.probability == augmentation.patch.probability == 0.5
    assert recipe.initialisation.kind == "luperson" and recipe.flip_test is False
    assert METHOD.recipe(FULL, "dukemtmc", "paper") == recipe


def test_erasing_is_torchvision_s_and_random_patch_that_of_osnet():
    augmentation = METHOD.recipe(FULL, "market1501", "paper").augmentation
    erasing, patch = augmentation.erasing, augmentation.patch
    assert (erasing.area, erasing.aspect, set(erasing.fill)) == ((0.02, 0.33), (0.3, 3.3), {0.0})
    assert (patch.area, patch.aspect, patch.flip) == ((0.01, 0.5), (0.1, 10.0), 0.5)
    assert (patch.pool, patch.ready) == (1000, 100)


def test_synergyreid_is_trained_for_less_long():
    recipe = METHOD.recipe(FULL, "synergyreid", "paper")
    assert (recipe.epochs, recipe.schedule.warmup.length) == (40, 200)
    assert METHOD.recipe(FULL, "synergyreid", "demo") == METHOD.recipe(FULL, "market1501", "demo")


@pytest.mark.parametrize("profile", ["paper", "budget", "demo"])
def test_the_released_recipe_has_four_processes_of_a_quarter_batch_and_pads(profile):
    printed, released = (METHOD.recipe(switches, "market1501", profile) for switches in (FULL, RELEASED))
    assert released.sampler.groups == 4 and released.sampler.batch_size == printed.sampler.batch_size
    assert (printed.augmentation.padding, released.augmentation.padding) == (0, 10)
    assert (printed.losses_over, released.losses_over) == ("gathered", "local")


def test_all_tables_together_are_17_configurations_on_market1501(tmp_path):
    plan = Plan()
    planner = Planner(Shelf(Path("nowhere")), Store(tmp_path), Computation(bfloat16=True), draw=False)
    own = [table for table in tables().values() if table.method == "mdpr" and not table.is_our_own]
    for table in own:
        planner.add(plan, Choice(table, table.rows, ("market1501",), "paper"))
    assert len(own) == 9 and len(plan.runs) == 17


def test_importing_the_method_needs_no_torch():
    script = "import sys, methods.mdpr; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
