"""An embedded dataset whose id turns knobs of its difficulty."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from harness.datasets import dataset, synthetic
from harness.datasets.synthetic.dials import dialled, is_dialled
from harness.datasets.synthetic.edition import EDITIONS, Edition
from harness.datasets.synthetic.people import draw_someone
from harness.datasets.synthetic.writing import write_edition
from harness.errors import BadInput

SMALL = {"train_ids": 3, "test_ids": 3, "train_images": 4, "distractors": 0}


def test_a_knob_in_the_id_turns_the_difficulty_of_all_images():
    edition = dialled("synthetic:misalignment=2").edition
    assert edition.difficulty == replace(EDITIONS["synthetic"].difficulty, misalignment=2.0)
    assert all(edition.difficulty_of(split).misalignment == 2 for split in ("train", "query", "test"))


def test_a_knob_that_the_flavour_sets_for_its_queries_is_turned_for_the_queries_alone():
    edition = dialled("synthetic_occluded:occlusion=0.6").edition
    assert edition.difficulty_of("query").occlusion == 0.6
    own = EDITIONS["synthetic_occluded"]
    assert all(edition.difficulty_of(split) == own.difficulty_of(split) for split in ("train", "test"))


def test_where_the_training_images_stay_the_dataset_trains_as_its_flavour():
    assert dataset("synthetic_occluded:occlusion=0.6").training_id == "synthetic_occluded"
    assert dataset("synthetic:misalignment=1").training_id == "synthetic"
    assert dataset("synthetic:misalignment=2").training_id == "synthetic:misalignment=2"


def test_each_position_of_a_dial_has_a_folder_and_a_title_of_its_own():
    specs = [dataset(f"synthetic:misalignment={value}") for value in ("0", "0.5", "2")]
    assert len({spec.find(None) for spec in specs}) == 3
    assert specs[1].title == "Synthetic pedestrians, misalignment 0.5"


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("synthetic:misalignment=2.0", "synthetic:misalignment=2"),
        ("synthetic:partial=0.30,misalignment=2", "synthetic:misalignment=2,partial=0.3"),
    ],
)
def test_one_dataset_has_one_id(written, canonical):
    assert dataset(written).id == canonical


@pytest.mark.parametrize(
    ("dataset_id", "fix"),
    [
        ("synthetic:misalignement=2", "misalignment"),
        ("synthetic:misalignment=wide", "misalignment=0.5"),
        ("synthetic:misalignment", "misalignment=0.5"),
        ("synthetic:misalignment=1,misalignment=2", "given twice"),
        ("synthetic:occlusion=1.5", "from 0 to 1"),
        ("synthetic_occluded:occlusion=1.5", "from 0 to 1"),
        ("synthetic:wardrobe=2.5", "2 to 16"),
        ("synthetic:", "knob"),
    ],
)
def test_a_knob_or_number_that_cannot_be_is_told_with_the_fix(dataset_id, fix):
    with pytest.raises(BadInput, match="synthetic") as told:
        dataset(dataset_id)
    assert fix in str(told.value)


def test_a_colon_after_another_name_turns_nothing():
    assert not is_dialled("folder:synthetic") and not is_dialled("market1501:misalignment=2")


def test_passport_and_dataset_carry_the_id_and_the_turned_knob(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.setitem(EDITIONS, "synthetic_occluded", replace(EDITIONS["synthetic_occluded"], **SMALL))
    spec = dataset("synthetic_occluded:occlusion=0.6,noise=2")
    found = spec.load(spec.find(tmp_path))
    assert found.id == found.passport.dataset == "synthetic_occluded:occlusion=0.6,noise=2"
    assert "noise 2" in found.passport.variant and "occlusion 0.6 in query images" in found.passport.variant


def test_a_folder_drawn_with_a_turned_knob_is_read_back(tmp_path):
    edition = replace(dialled("synthetic_occluded:occlusion=0.6").edition, **SMALL)
    folder = write_edition(tmp_path, edition)
    assert Edition.from_settings(json.loads(json.dumps(edition.settings()))).folder_name == folder.name
    assert synthetic.load(folder).id == "synthetic_occluded"


@pytest.mark.parametrize(("carryover", "least", "most"), [("0", -0.3, 0.3), ("1", 0.99, 1.0)])
def test_carryover_is_how_far_infrared_brightness_follows_the_visible_one(carryover, least, most):
    edition = dialled(f"synthetic_infrared:carryover={carryover}").edition
    garments = [
        draw_someone("pedestrians", np.random.default_rng((edition.seed, 0, person)), edition.difficulty).upper
        for person in range(60)
    ]
    visible = [np.mean(garment.colour) for garment in garments]
    assert least <= np.corrcoef(visible, [garment.reflectance for garment in garments])[0, 1] <= most
