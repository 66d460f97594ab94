"""SYSU-MM01's layout on miniatures: splits, modalities, the galleries of the trials, and errors of a bad copy."""

import os
import random

import numpy as np
import pytest
import torch
from PIL import Image

from harness.datasets import sysu
from harness.errors import BadInput
from harness.evaluation.protocols import PROTOCOLS
from harness.evaluation.trials import trial_galleries
from harness.models.reid import ReIDModel
from harness.runs.evaluation import ScoredFeature, TestImages, evaluate_run
from harness.training.machine import Machine

IDENTITIES = {"train_id": (1, 4), "val_id": (9,), "test_id": (2, 6, 10)}
ABSENT = {(1, 6), (2, 10), (5, 2), (3, 6), (4, 1)}
"""Camera and person without a folder. Person 5 has folders but is on no list."""

ALL, INDOOR = sysu.SPECS


@pytest.fixture
def root(tmp_path):
    """Six cameras. Person p has p % 3 + 1 images in each camera that saw them."""
    folder = tmp_path / "data" / "SYSU-MM01"
    for camera in range(1, 7):
        for person in (1, 2, 4, 5, 6, 9, 10):
            if (camera, person) in ABSENT:
                continue
            inside = folder / f"cam{camera}" / f"{person:04d}"
            inside.mkdir(parents=True)
            (inside / "Thumbs.db").write_bytes(b"not an image")
            for number in range(1, person % 3 + 2):
                Image.new("RGB", (8, 16), (20 * person, 40 * camera, 60 * number)).save(inside / f"{number:04d}.jpg")
    (folder / "exp").mkdir()
    for name, identities in IDENTITIES.items():
        (folder / "exp" / f"{name}.txt").write_text(",".join(map(str, identities)) + "\n")
    return folder


def test_it_is_found_under_its_usual_names(root):
    assert ALL.find(root.parent) == root
    assert ALL.find(root.parent / "elsewhere") is None
    root.rename(root.parent / "sysu_mm01")
    assert ALL.find(root.parent) == root.parent / "sysu_mm01"


def test_training_takes_both_lists_and_all_cameras_and_tests_are_infrared_to_visible(root):
    data = ALL.load(root)
    assert sorted(set(data.train.identities.tolist())) == [1, 4, 9]
    assert sorted(set(data.train.cameras.tolist())) == [1, 2, 3, 4, 5, 6]
    assert sorted(set(data.query.identities.tolist())) == [2, 6, 10]
    assert sorted(set(data.query.cameras.tolist())) == [3, 6]
    assert sorted(set(data.gallery.cameras.tolist())) == [1, 2, 4, 5]
    assert data.query.names[0] == "cam3/0002/0001.jpg"
    assert data.infrared(data.query).all() and not data.infrared(data.gallery).any()
    assert data.infrared(data.train).tolist() == [camera in (3, 6) for camera in data.train.cameras]


def test_indoor_search_has_the_same_training_and_queries_and_two_gallery_cameras(root):
    everywhere, indoor = ALL.load(root), INDOOR.load(root)
    assert (indoor.train.names, indoor.query.names) == (everywhere.train.names, everywhere.query.names)
    assert sorted(set(indoor.gallery.cameras.tolist())) == [1, 2]
    assert (ALL.training_id, INDOOR.training_id) == ("sysu_all", "sysu_all")


@pytest.mark.parametrize(("spec", "cameras"), [(ALL, (1, 2, 4, 5)), (INDOOR, (1, 2))])
def test_the_ten_galleries_are_those_of_the_brief(root, spec, cameras):
    data = spec.load(root)
    drawn = trial_galleries(PROTOCOLS[spec.protocol], data.gallery.identities, data.gallery.cameras)
    state = random.getstate()
    for trial in range(10):
        random.seed(trial)
        chosen = []
        for person in ("0002", "0006", "0010"):
            for camera in cameras:
                folder = root / f"cam{camera}" / person
                if folder.is_dir():
                    names = sorted(name for name in os.listdir(folder) if name.endswith(".jpg"))
                    chosen.append(f"cam{camera}/{person}/{random.choice(names)}")
        assert [data.gallery.names[row] for row in drawn[trial]] == chosen
        assert data.passport.counts["gallery_images_a_trial"] == len(chosen)
    random.setstate(state)
    assert len({tuple(rows) for rows in drawn}) > 1


def test_a_miniature_says_how_it_differs_from_the_published_counts(root):
    passport = ALL.load(root).passport
    assert passport.variant.startswith("differs: train_images is ")
    # Persons 1, 4 and 9 have 2, 2 and 1 images per camera; camera 4 did not see person 1.
    assert (passport.counts["train_visible_images"], passport.counts["train_infrared_images"]) == (18, 10)
    assert f"query_images is {passport.counts['query_images']}, published 3,803." in passport.remarks


def test_the_official_counts_make_the_official_variant(root):
    found = dict(ALL.load(root).passport.counts)
    assert sysu._load(root, "sysu_all", sysu.VISIBLE_CAMERAS, found).passport.variant == "official"
    assert set(found) == set(ALL.published)


def test_moving_the_folder_keeps_the_fingerprint_and_changing_an_image_changes_it(root):
    before = ALL.load(root).passport.fingerprint
    moved = root.rename(root.parent / "SYSU")
    assert ALL.load(moved).passport.fingerprint == before
    Image.new("RGB", (8, 16)).save(moved / "cam1" / "0001" / "0001.jpg")
    assert ALL.load(moved).passport.fingerprint != before


def test_a_missing_camera_and_a_missing_list_are_named_with_the_layout(root):
    (root / "cam5").rename(root / "gone")
    with pytest.raises(BadInput, match=r"lacks the folder\(s\) cam5; SYSU-MM01 is expected as .*cam1"):
        ALL.load(root)
    (root / "gone").rename(root / "cam5")
    (root / "exp" / "val_id.txt").unlink()
    with pytest.raises(BadInput, match=r"val_id\.txt cannot be read .*expected as"):
        ALL.load(root)


def test_a_bad_image_name_is_named(root):
    (root / "cam2" / "0006" / "0001.jpg").rename(root / "cam2" / "0006" / "copy of 1.jpg")
    with pytest.raises(BadInput, match=r"holds 1 image\(s\) not named by a number .*cam2/0006/copy of 1\.jpg"):
        ALL.load(root)


def test_lists_that_are_no_numbers_or_name_a_person_twice_are_refused(root):
    (root / "exp" / "test_id.txt").write_text("2,6,ten")
    with pytest.raises(BadInput, match=r"test_id\.txt is not a line of identity numbers"):
        ALL.load(root)
    (root / "exp" / "test_id.txt").write_text("2,6,9")  # 9 is validated on, hence trained on
    with pytest.raises(BadInput, match=r"lists 1 identities twice.*: 9;"):
        ALL.load(root)


class MeanColour(ReIDModel):
    """An untrained network: the mean colour of an image."""

    def forward(self, batch):
        return {}

    def losses(self, features, batch):
        return {}

    def embed(self, images, priors=None):
        return {"colour": torch.nn.functional.adaptive_avg_pool2d(images, (2, 1)).flatten(1)}

    def classifiers(self):
        return []


def test_a_run_is_scored_as_the_mean_over_ten_galleries(root):
    data = ALL.load(root)
    machine = Machine.of("cpu", False)
    images = TestImages.of(data, 16, 8, {})
    colour = ScoredFeature("colour")
    found = evaluate_run(MeanColour(), data, images, "sysu_all", [colour], False, machine)[colour]
    assert found.scores.trials == 10
    assert found.metrics["queries"] == len(data.query)
    assert [len(found.features[split]) for split in ("query", "gallery")] == [len(data.query), len(data.gallery)]
    assert set(found.intervals) >= {"map", "rank1", "rank3"}
    assert np.all(np.isin(found.scores.top[found.scores.top >= 0], np.arange(len(data.gallery))))
