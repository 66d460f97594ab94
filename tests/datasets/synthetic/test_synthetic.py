"""The embedded dataset: a seed fixes it, keypoints and parts fit the images, and it is whole on disk or absent."""

import hashlib
import json
import multiprocessing
from collections import Counter
from dataclasses import replace
from math import pi
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.datasets.synthetic import SYNTHETIC, Difficulty, contact_sheet, generate, load, writing
from harness.datasets.synthetic.body import Body
from harness.datasets.synthetic.camera import build_camera
from harness.datasets.synthetic.edition import Edition
from harness.datasets.synthetic.flavour import HOLISTIC
from harness.datasets.synthetic.person import draw_person
from harness.datasets.synthetic.photograph import COLUMNS, ROWS, Box, draw_box, view_of
from harness.datasets.synthetic.pose import draw_pose, skeleton
from harness.datasets.synthetic.truth import KEYPOINTS, keypoints, parsing_map
from harness.errors import BadInput
from harness.files.cache import cache_folder

SMALL = {"train_ids": 4, "test_ids": 4, "train_images": 4, "test_images": 8, "distractors": 3}
UNTROUBLED = Difficulty(misalignment=0, occlusion=0, partial=0)
LABEL_OF_JOINT = {"shoulder": {2}, "elbow": {2}, "wrist": {2}, "nose": {1}, "eye": {1}, "ear": {1}}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return generate(tmp_path_factory.mktemp("drawn"), **SMALL)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def truth_of(folder: Path, split: str) -> dict[str, np.ndarray]:
    with np.load(folder / f"priors_{split}.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


def test_the_same_seed_gives_the_same_bytes(folder, tmp_path):
    assert contents(generate(tmp_path, **SMALL)) == contents(folder)


def test_another_seed_gives_other_people_and_places(folder, tmp_path):
    other = contents(generate(tmp_path, seed=1, **SMALL))
    images = {name: data for name, data in contents(folder).items() if name.endswith(".png")}
    assert not set(images.values()) & set(other.values())


def test_an_image_does_not_depend_on_the_other_images_drawn():
    edition = Edition(**SMALL)
    shots = writing.plan_shots(edition)
    (_, alone), *_ = writing.take_photographs(edition, [shots[9]])
    among_others = [picture for shot, picture in writing.take_photographs(edition, shots[7:11]) if shot == shots[9]]
    assert alone.image.tobytes() == among_others[0].image.tobytes()


def test_counts_of_the_default_edition():
    shots = writing.plan_shots(Edition())
    splits = Counter(shot.split for shot in shots)
    train = Counter(shot.identity for shot in shots if shot.split == "train")
    tested = {shot.identity for shot in shots if shot.split != "train"} - {0}
    assert len(train) == 120 and set(train.values()) == {10}
    assert len(tested) == 600 and not tested & set(train)
    assert splits["query"] == 1566
    assert sum(shot.identity == 0 for shot in shots) == 120
    assert 3500 <= splits["query"] + splits["test"] - 120 <= 3700
    assert len({shot.number for shot in shots}) == len(shots)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("images", [6, 7, 10, 15])
def test_every_query_has_a_match_from_another_camera(seed, images):
    shots = writing.plan_shots(Edition(seed=seed, train_ids=1, test_ids=30, test_images=max(6, images)))
    gallery = {(shot.identity, shot.camera) for shot in shots if shot.split == "test"}
    queries = [shot for shot in shots if shot.split == "query"]
    assert {shot.identity for shot in queries} == set(range(2, 32))
    for query in queries:
        assert any(identity == query.identity and camera != query.camera for identity, camera in gallery)


def test_files_load_as_market_lays_them_out(folder):
    dataset = load(folder)
    assert dataset.train.names[0].startswith("bounding_box_train/0001_c")
    assert dataset.embedded and dataset.passport.variant.startswith("synthetic seed 0, default difficulty")
    assert not dataset.passport.official
    assert dataset.passport.counts["train_images"] == len(dataset.train) == 16
    assert dataset.passport.counts["query_ids"] == dataset.passport.counts["gallery_ids"] == 4
    assert dataset.passport.counts["distractor_images"] == int((dataset.gallery.identities == 0).sum()) == 3
    for split in (dataset.train, dataset.query, dataset.gallery):
        for name, identity, camera in zip(split.names, split.identities, split.cameras, strict=True):
            assert name.rpartition("/")[2].startswith(f"{identity:04d}_c{camera}s1_")
            assert Image.open(folder / name).size == (64, 128) and Image.open(folder / name).mode == "RGB"


def test_each_image_has_a_grey_infrared_twin(folder):
    dataset = load(folder)
    for name in dataset.train.names + dataset.query.names + dataset.gallery.names:
        twin = Image.open(folder / "infrared" / name)
        assert twin.mode == "L" and twin.size == (64, 128)
        assert np.asarray(twin).std() > 5


def test_priors_have_the_format_of_the_real_ones(folder):
    dataset = load(folder)
    for split, images in (("train", dataset.train), ("query", dataset.query), ("test", dataset.gallery)):
        truth, n = truth_of(folder, split), len(images)
        assert truth["names"].tolist() == [name.rpartition("/")[2] for name in images.names]
        shapes = {"keypoints": ((n, 17, 3), np.float16), "presence": ((n,), np.float16)}
        shapes |= {"mask": ((n, 256), np.uint8), "parsing": ((n, 64, 32), np.uint8)}
        for name, (shape, kind) in shapes.items():
            assert truth[name].shape == shape and truth[name].dtype == kind
        mask = np.unpackbits(truth["mask"], axis=1).reshape(n, 64, 32)
        assert np.array_equal(mask, truth["parsing"] > 0)


def test_visible_joints_lie_on_the_part_they_belong_to(folder):
    truth = truth_of(folder, "train")
    for points, parsing in zip(truth["keypoints"].astype(float), truth["parsing"], strict=True):
        for name, (x, y, confidence) in zip(KEYPOINTS, points, strict=True):
            inside = 0 <= x < 1 and 0 <= y < 1
            assert confidence in ((0.5, 1.0) if inside else (0.0,))
            if confidence == 1:
                side, _, joint = name.rpartition(" ")
                leg = {3} if side == "left" else {4}
                row, column = int(y * 64), int(x * 32)
                around = parsing[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
                allowed = LABEL_OF_JOINT.get(joint, leg | {2} if joint == "hip" else leg)
                assert allowed & set(around.ravel().tolist()), name


def drawn(person_seed: int, yaw: float):
    camera = build_camera(0, 1, UNTROUBLED, HOLISTIC, (ROWS, COLUMNS))
    person = replace(draw_person(np.random.default_rng(person_seed), 10, 0.2), lower_kind="trousers", hem=0.5)
    pose = replace(draw_pose(np.random.default_rng(person_seed), yaw, 1.0), yaw=yaw, head_turn=0.0, stride=0.05)
    body = Body((COLUMNS, ROWS), person, pose, view_of(Box(0, 0, 1, 1), camera, yaw), 1.0)
    body.draw()
    canvas = np.array(body.canvas)
    return keypoints(body.joints, canvas), parsing_map(canvas)


@pytest.mark.parametrize("person_seed", range(6))
def test_a_persons_left_is_at_the_images_right_when_facing_the_camera_and_at_its_left_from_behind(person_seed):
    for yaw, sign in ((0.0, 1), (pi, -1)):
        points, parsing = drawn(person_seed, yaw)
        for joint in ("shoulder", "hip", "knee", "ankle"):
            left, right = (points[KEYPOINTS.index(f"{side} {joint}"), 0] for side in ("left", "right"))
            assert sign * (left - right) > 0
        left_leg, right_leg = (np.nonzero(parsing == label)[1].mean() for label in (3, 4))
        assert sign * (left_leg - right_leg) > 0


@pytest.mark.parametrize("person_seed", range(6))
def test_the_face_is_seen_from_the_front_only_and_one_side_of_it_in_profile(person_seed):
    nose, left_eye, right_eye = (KEYPOINTS.index(name) for name in ("nose", "left eye", "right eye"))
    front, behind, to_the_right = (drawn(person_seed, yaw)[0][:, 2] for yaw in (0.0, pi, 0.45 * pi))
    assert front[[nose, left_eye, right_eye]].tolist() == [1, 1, 1]
    assert behind[[nose, left_eye, right_eye]].tolist() == [0.5, 0.5, 0.5]
    assert to_the_right[left_eye] == 0.5  # who walks to the image's right shows the camera the right side


def test_bones_keep_their_length_and_a_sole_stands_on_the_ground():
    rng = np.random.default_rng(3)
    person = draw_person(rng, 10, 0.2)
    for _ in range(20):
        joints = {name: np.array(point) for name, point in skeleton(person, draw_pose(rng, 0.0, 1.0)).items()}
        for side in ("left", "right"):
            for start, end, length in (("hip", "knee", 0.235 * person.legs), ("shoulder", "elbow", 0.165)):
                assert np.linalg.norm(joints[f"{side} {start}"] - joints[f"{side} {end}"]) == pytest.approx(length)
        soles = [
            joints[f"{s} {j}"][1] - drop for s in ("left", "right") for j, drop in (("ankle", 0.04), ("toe", 0.012))
        ]
        assert min(soles) == pytest.approx(0)


def test_doubling_misalignment_doubles_the_error_of_the_same_boxes():
    def errors(misalignment: float) -> np.ndarray:
        knobs = Difficulty(misalignment=misalignment, partial=0)
        boxes = [draw_box(np.random.default_rng(seed), knobs) for seed in range(200)]
        return np.array([(box.x, box.y, np.log(box.scale_y)) for box in boxes])

    assert np.allclose(errors(2), 2 * errors(1))
    assert (errors(1).std(axis=0) > 0.02).all()
    assert not errors(0).any()


def test_doubling_misalignment_spreads_the_joints_in_the_images(tmp_path):
    def spread(misalignment: float) -> float:
        difficulty = Difficulty(misalignment=misalignment, partial=0)
        drawn = truth_of(generate(tmp_path, difficulty=difficulty, **SMALL), "train")["keypoints"].astype(float)
        return float(drawn[:, KEYPOINTS.index("left hip"), 1].std())

    assert spread(0) < spread(1) < spread(2)


@pytest.mark.slow
def test_a_knob_acts_alone(tmp_path):
    plain, emptied, dark = (
        truth_of(generate(tmp_path, difficulty=knobs, **SMALL), "train")
        for knobs in (Difficulty(), Difficulty(clutter=0), Difficulty(lighting=2, noise=0))
    )
    for other in (emptied, dark):
        assert np.array_equal(plain["keypoints"][..., :2], other["keypoints"][..., :2])
    assert np.array_equal(plain["parsing"], dark["parsing"])


@pytest.mark.slow
def test_an_occluder_hides_pixels_and_joints(tmp_path):
    free, hidden = (
        truth_of(generate(tmp_path, difficulty=replace(UNTROUBLED, occlusion=share), **SMALL), "train")
        for share in (0.0, 1.0)
    )
    assert np.array_equal(free["keypoints"][..., :2], hidden["keypoints"][..., :2])
    assert ((hidden["parsing"] > 0) <= (free["parsing"] > 0)).all()
    assert (hidden["parsing"] > 0).sum() < 0.9 * (free["parsing"] > 0).sum()
    assert (hidden["keypoints"][..., 2] == 1).sum() < (free["keypoints"][..., 2] == 1).sum()


def test_an_interrupted_generation_leaves_nothing(tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "_write_priors", killed)
    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, **SMALL)
    assert list(tmp_path.iterdir()) == []


def _generate_in(cache: Path) -> None:
    generate(cache, **SMALL)


def test_two_processes_generating_at_once_agree_on_one_folder(folder, tmp_path):
    workers = [multiprocessing.get_context("fork").Process(target=_generate_in, args=(tmp_path,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert [entry.name for entry in tmp_path.iterdir()] == [folder.name]
    assert contents(tmp_path / folder.name) == contents(folder)


def test_a_complete_folder_is_used_as_it_is(folder, monkeypatch):
    monkeypatch.setattr(writing, "_draw_all", lambda *_: pytest.fail("drawn again"))
    assert generate(folder.parent, **SMALL) == folder


def test_the_fingerprint_does_not_know_where_the_folder_is_but_knows_every_pixel(tmp_path):
    first = generate(tmp_path / "here", **SMALL)
    fingerprint = load(first).passport.fingerprint
    moved = first.rename(tmp_path / "renamed")
    assert load(moved).passport.fingerprint == fingerprint
    name = load(moved).train.names[0]
    Image.open(moved / name).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(moved / name)
    with pytest.raises(BadInput, match=f"images of {moved} were changed since they were drawn; delete that folder"):
        load(moved)
    # Folders drawn by earlier versions hold no fingerprint.
    (moved / "fingerprint.txt").unlink()
    assert load(moved).passport.fingerprint != fingerprint


@pytest.mark.parametrize("split", ["train", "query", "gallery"])
def test_a_missing_image_or_a_foreign_folder_is_bad_input(tmp_path, split):
    drawn = generate(tmp_path, **SMALL)
    (drawn / getattr(load(drawn), split).names[-1]).unlink()
    with pytest.raises(BadInput, match=r"images are missing from .* delete that folder"):
        load(drawn)
    with pytest.raises(BadInput, match=r"edition\.json"):
        load(tmp_path)


def test_knobs_name_themselves_in_the_variant_and_the_folder():
    edition = Edition(seed=3, difficulty=Difficulty(misalignment=2.0, wardrobe=4))
    assert edition.variant() == "synthetic seed 3, misalignment 2, wardrobe 4"
    assert Edition.from_settings(json.loads(json.dumps(edition.settings()))) == edition
    assert edition.folder_name != Edition(seed=3).folder_name
    assert Edition().variant() == "synthetic seed 0, default difficulty"


def test_the_default_edition_is_drawn_as_it_always_was():
    """Recorded figures depend on these images. A change of them raises VERSION and needs new figures here."""
    edition = Edition()
    shots = writing.plan_shots(edition)
    listed = "\n".join(f"{shot.split} {shot.name} {shot.person}" for shot in shots)
    assert edition.folder_name == "synthetic-15b88e8f026a"
    assert hashlib.sha256(listed.encode()).hexdigest()[:16] == "da743cc16d62e1f3"
    pictures = [picture for _, picture in writing.take_photographs(edition, [shots[0], shots[1500], shots[2300]])]
    # Means, not bytes: another Pillow may round a pixel differently.
    assert [np.asarray(picture.image).mean() for picture in pictures] == pytest.approx([99.72, 126.21, 91.85], abs=0.5)
    assert [(picture.parsing > 0).mean() for picture in pictures] == pytest.approx([0.3135, 0.3457, 0.2822], abs=0.005)


@pytest.mark.parametrize("knobs", [{"misalignment": -1}, {"occlusion": 1.5}, {"wardrobe": 1}, {"noise": float("nan")}])
def test_a_knob_out_of_range_is_bad_input(knobs):
    with pytest.raises(BadInput, match=f"{next(iter(knobs))}="):
        Difficulty(**knobs)


def test_the_default_folder_lies_in_the_cache_and_is_not_drawn_by_being_found():
    found = SYNTHETIC.find(Path("nowhere"))
    assert found.parent == cache_folder() and not found.exists()


def test_the_error_for_an_unwritable_cache_names_the_fix(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(BadInput, match="set HARNESS_CACHE"):
        cache_folder()
    with pytest.raises(BadInput, match="HARNESS_CACHE"):
        generate(tmp_path / "file", **SMALL)


def test_a_cache_in_the_home_of_nobody_is_bad_input(monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", "~nosuchuser/cache")
    with pytest.raises(BadInput, match="HARNESS_CACHE=~nosuchuser/cache: there is no home folder ~nosuchuser"):
        cache_folder()


def test_the_contact_sheet_shows_one_identity_a_row(folder):
    sheet = contact_sheet(load(folder), rows=3)
    assert sheet.size == (16 * 66 + 2, 3 * 130 + 2)
    assert np.asarray(sheet)[2:130, 13 * 66 + 2 : 14 * 66].std() > 5  # The infrared twin.
    assert np.asarray(sheet)[2:130, -66:-2].std() > 10
