"""The flavours of the embedded dataset: each is hard in the same way as the kind of dataset it stands in for."""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from harness.datasets.synthetic import FLAVOURS, SYNTHETIC, contact_sheet, load
from harness.datasets.synthetic.camera import build_camera
from harness.datasets.synthetic.cutting import crop_upper
from harness.datasets.synthetic.edition import EDITIONS, Edition
from harness.datasets.synthetic.numerals import strokes
from harness.datasets.synthetic.people import KITS, draw_someone
from harness.datasets.synthetic.photograph import COLUMNS, ROWS
from harness.datasets.synthetic.shots import plan_shots
from harness.datasets.synthetic.truth import KEYPOINTS
from harness.datasets.synthetic.writing import take_photographs, write_edition
from harness.errors import BadInput

IDS = tuple(EDITIONS)
SIZES = {"train_ids": 2, "test_ids": 3, "train_images": 4, "test_images": 10, "distractors": 2}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("drawn")
    return {flavour: write_edition(place, small(flavour)) for flavour in IDS}


def small(flavour: str) -> Edition:
    return replace(EDITIONS[flavour], **SIZES)


def shots_of(flavour: str, split: str):
    return [shot for shot in plan_shots(EDITIONS[flavour]) if shot.split == split]


def pictures(edition: Edition, split: str, most: int):
    return [
        picture
        for _, picture in take_photographs(
            edition, [shot for shot in plan_shots(edition) if shot.split == split][:most]
        )
    ]


def test_each_kind_has_an_id_and_the_default_is_first():
    assert [spec.id for spec in FLAVOURS] == [
        "synthetic",
        "synthetic_b",
        "synthetic_occluded",
        "synthetic_partial",
        "synthetic_players",
        "synthetic_infrared",
    ]
    assert SYNTHETIC is FLAVOURS[0] and all(spec.embedded for spec in FLAVOURS)
    assert len({spec.title for spec in FLAVOURS}) == len(FLAVOURS)
    assert {spec.id: spec.protocol for spec in FLAVOURS if spec.protocol != "market1501"} == {
        "synthetic_infrared": "sysu_all"
    }


def test_knowing_the_flavours_loads_no_numpy():
    code = "import sys, harness.datasets.synthetic; print('numpy' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"


def test_no_two_flavours_show_the_same_people():
    assert len({edition.seed for edition in EDITIONS.values()}) == len(EDITIONS)
    assert len({edition.folder_name for edition in EDITIONS.values()}) == len(EDITIONS)


@pytest.mark.parametrize("flavour", IDS)
def test_settings_come_back_from_their_file(flavour):
    edition = replace(EDITIONS[flavour], seed=9)
    assert Edition.from_settings(json.loads(json.dumps(edition.settings()))) == edition


@pytest.mark.parametrize("flavour", IDS[1:])
def test_a_flavour_that_was_described_otherwise_is_not_read(flavour):
    settings = json.loads(json.dumps(EDITIONS[flavour].settings()))
    settings["flavour"]["place"] = "beach"
    with pytest.raises(BadInput, match="delete its folder"):
        Edition.from_settings(settings)


@pytest.mark.parametrize("flavour", IDS)
def test_the_passport_names_the_flavour(flavour, folders):
    dataset = load(folders[flavour])
    assert dataset.id == dataset.passport.dataset == flavour and dataset.embedded
    assert dataset.passport.variant.startswith(flavour) and f"seed {EDITIONS[flavour].seed}" in dataset.passport.variant
    assert EDITIONS[flavour].variant().endswith("default difficulty")
    assert EDITIONS[flavour].flavour.about in dataset.passport.variant


@pytest.mark.parametrize("flavour", IDS)
def test_every_query_has_a_match_from_another_camera(flavour):
    gallery = {(shot.identity, shot.camera) for shot in shots_of(flavour, "test")}
    queries = shots_of(flavour, "query")
    trained = {shot.identity for shot in shots_of(flavour, "train")}
    assert len({query.identity for query in queries}) == EDITIONS[flavour].test_ids
    assert not trained & {query.identity for query in queries}
    for query in queries:
        assert any(identity == query.identity and camera != query.camera for identity, camera in gallery)


@pytest.mark.parametrize("flavour", IDS)
def test_priors_are_there_for_every_image(flavour, folders):
    dataset = load(folders[flavour])
    for word, split in (("train", dataset.train), ("query", dataset.query), ("test", dataset.gallery)):
        with np.load(folders[flavour] / f"priors_{word}.npz") as truth:
            assert truth["names"].tolist() == [name.rpartition("/")[2] for name in split.names]
            assert truth["keypoints"].shape == (len(split), 17, 3)
            assert truth["parsing"].shape == (len(split), 64, 32) and truth["mask"].shape == (len(split), 256)
            assert (truth["parsing"] > 0).reshape(len(split), -1).mean() > 0.1
            outside = (truth["keypoints"][..., :2] < 0).any(-1) | (truth["keypoints"][..., :2] >= 1).any(-1)
            assert (truth["keypoints"][outside][:, 2] == 0).all()


@pytest.mark.parametrize("flavour", IDS)
def test_the_sheet_shows_every_flavour(flavour, folders):
    sheet = np.asarray(contact_sheet(load(folders[flavour]), rows=2))
    columns = 16 if flavour == "synthetic" else 15  # The infrared twins.
    assert sheet.shape == (2 * 130 + 2, columns * 66 + 2, 3) and sheet[:130, -66:].std() > 10


def test_only_the_default_has_infrared_twins(folders):
    assert [flavour for flavour, folder in folders.items() if (folder / "infrared").is_dir()] == ["synthetic"]


def test_the_second_domain_differs_in_cameras_wardrobe_and_light():
    first, second = (pictures(replace(EDITIONS[name], **SIZES), "train", 12) for name in ("synthetic", "synthetic_b"))
    colour = [np.mean([np.asarray(p.image, float).mean((0, 1)) for p in domain], axis=0) for domain in (first, second)]
    assert colour[1][0] - colour[1][2] > colour[0][0] - colour[0][2] + 10  # More red against blue: a warmer light.
    assert {shot.camera for shot in plan_shots(EDITIONS["synthetic_b"])} == set(range(1, 9))
    knobs = EDITIONS["synthetic_b"].difficulty
    people = [draw_someone("winter walkers", np.random.default_rng(seed), knobs) for seed in range(40)]
    assert {person.sleeves for person in people} == {"long"} and "shorts" not in {p.lower_kind for p in people}


@pytest.mark.slow
def test_occluded_queries_are_hidden_in_part_and_the_gallery_is_not():
    edition = EDITIONS["synthetic_occluded"]
    nothing = {split: {**knobs, "occlusion": 0.0} for split, knobs in edition.flavour.knobs.items()}
    free = replace(edition, flavour=replace(edition.flavour, knobs=nothing))

    def hidden(split: str) -> np.ndarray:
        both = zip(pictures(edition, split, 25), pictures(free, split, 25), strict=True)
        return np.array([1 - (seen.parsing > 0).sum() / (whole.parsing > 0).sum() for seen, whole in both])

    queries, gallery = hidden("query"), hidden("test")
    assert (queries > 0.05).mean() > 0.9 and queries.mean() > 0.15
    assert (gallery > 0).mean() < 0.2
    assert edition.difficulty_of("train").occlusion > Edition().difficulty.occlusion


def test_half_of_the_partial_queries_are_upper_halves_and_half_upper_thirds():
    assert Counter(shot.share for shot in shots_of("synthetic_partial", "query")) == {1 / 2: 750, 1 / 3: 750}
    assert {shot.share for shot in plan_shots(EDITIONS["synthetic_partial"]) if shot.split != "query"} == {1.0}
    taken = defaultdict(set)
    for shot in plan_shots(EDITIONS["synthetic_partial"]):
        taken[shot.split].add(shot.camera)
    assert not taken["query"] & taken["test"]  # No gallery image can be of a query's camera.


def test_partial_queries_show_heads_and_no_feet(folders):
    shown = {}
    for split in ("query", "test"):
        with np.load(folders["synthetic_partial"] / f"priors_{split}.npz") as truth:
            kept = truth["keypoints"][..., 2] > 0
            shown[split] = {joint: kept[:, KEYPOINTS.index(joint)].mean() for joint in ("nose", "left ankle")}
    assert shown["query"] == {"nose": 1.0, "left ankle": 0.0}
    assert shown["test"]["nose"] > 0.9 and shown["test"]["left ankle"] > 0.9


@pytest.mark.parametrize("share", [1 / 2, 1 / 3, 0.75])
def test_cutting_keeps_the_top_and_stretches_truth_and_image_alike(share):
    (picture,) = pictures(small("synthetic"), "test", 1)
    part = crop_upper(picture, share)
    assert part.image.size == picture.image.size and part.parsing.shape == picture.parsing.shape
    whole, kept = np.asarray(picture.image, float), np.asarray(part.image, float)
    for row in range(8, 120, 8):  # Each row is, up to interpolation, the row that lay at that share of the height.
        assert np.abs(kept[row] - whole[int((row + 0.5) * share)]).mean() < 25
        assert np.array_equal(part.parsing[row // 2], picture.parsing[int((row // 2 + 0.5) * share)])
    for before, after in zip(picture.keypoints, part.keypoints, strict=True):
        assert after[0] == before[0] and after[1] == pytest.approx(before[1] / share)
        assert after[2] == (before[2] if after[1] < 1 else 0)


def test_players_of_a_team_differ_only_in_number_build_skin_hair_and_shoes():
    knobs = EDITIONS["synthetic_players"].difficulty
    people = [draw_someone("players", np.random.default_rng(seed), knobs) for seed in range(60)]
    assert {person.upper for person in people} == set(KITS)
    for kit in KITS:
        team = [person for person in people if person.upper == kit]
        assert len({(p.lower, p.lower_kind, p.sleeves, p.hem, p.hat, p.bag) for p in team}) == 1
        assert len({(p.number, p.skin, p.hair, p.shoes) for p in team}) > 0.9 * len(team)


def test_a_players_query_and_gallery_are_of_one_moment():
    shots = plan_shots(EDITIONS["synthetic_players"])
    asked = Counter(shot.identity for shot in shots if shot.split == "query")
    assert set(asked.values()) == {1} and len(asked) == 50
    for identity in asked:
        mine = [shot for shot in shots if shot.identity == identity]
        assert len({shot.place for shot in mine}) == 1 and len(mine) == 16
        assert {(shot.split, shot.camera) for shot in mine} == {("query", 1), ("test", 2)}


def test_the_number_is_on_the_shirt():
    edition, knobs = small("synthetic_players"), EDITIONS["synthetic_players"].difficulty
    shots = [shot for shot in plan_shots(edition) if shot.split == "train"]
    people = {shot.person: draw_someone("players", np.random.default_rng((4, 0, shot.person)), knobs) for shot in shots}
    yellow_on_blue = [shot for shot in shots if people[shot.person].upper == KITS[1]]
    assert yellow_on_blue
    seen = []
    for _, picture in take_photographs(edition, yellow_on_blue):
        torso = np.asarray(picture.image.resize((32, 64)), float)[picture.parsing == 2]
        seen.append((torso[:, 0] - torso[:, 2] > 60).sum())
    assert np.median(seen) >= 3


@pytest.mark.parametrize("number", [4, 11, 38, 99])
def test_digits_stay_in_their_box_and_eights_light_every_stroke(number):
    for left, top, right, bottom in strokes(number):
        assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1
    assert len(strokes(8)) == 7 and len(strokes(1)) == 2
    assert len({tuple(strokes(digit)) for digit in range(10)}) == 10


def test_infrared_cameras_are_numbered_as_in_sysu(folders):
    dataset = load(folders["synthetic_infrared"])
    assert dataset.infrared_cameras == (3, 6)
    assert set(dataset.query.cameras.tolist()) == {3, 6}
    assert set(dataset.gallery.cameras.tolist()) == {1, 2, 4, 5}
    for split in (dataset.train, dataset.query, dataset.gallery):
        for name, infrared in zip(split.names, dataset.infrared(split), strict=True):
            assert Image.open(dataset.root / name).mode == ("L" if infrared else "RGB")


def test_everyone_is_trained_in_both_lights():
    lights = defaultdict(set)
    for shot in shots_of("synthetic_infrared", "train"):
        lights[shot.identity].add(shot.camera in (3, 6))
    assert len(lights) == EDITIONS["synthetic_infrared"].train_ids
    assert all(seen == {True, False} for seen in lights.values())


def test_not_everyone_passes_every_visible_camera():
    seen = defaultdict(set)
    for shot in shots_of("synthetic_infrared", "test"):
        seen[shot.identity].add(shot.camera)
    assert {len(cameras) for cameras in seen.values()} == {3}


def test_camera_3_looks_at_the_place_of_camera_2():
    places = {shot.camera: shot.place for shot in plan_shots(EDITIONS["synthetic_infrared"])}
    assert places == {1: 1, 2: 2, 3: 2, 4: 4, 5: 5, 6: 6}


def test_light_changes_only_the_colours_seen_by_cameras():
    edition = EDITIONS["synthetic_b"]
    daylight = replace(edition.flavour, light=(1.0, 1.0, 1.0))
    evening, day = (
        build_camera(1, 2, edition.difficulty, flavour, (ROWS, COLUMNS)) for flavour in (edition.flavour, daylight)
    )
    assert np.allclose(evening.gains, day.gains * np.array(edition.flavour.light))
    assert np.array_equal(evening.scene.panorama, day.scene.panorama) and evening.heading == day.heading


def test_too_few_test_images_for_the_flavours_queries_is_bad_input():
    with pytest.raises(BadInput, match="more than 6 test_images"):
        replace(
            EDITIONS["synthetic_partial"],
            test_images=6,
            flavour=replace(EDITIONS["synthetic_partial"].flavour, query_images=6),
        )
