"""A user's own folder of images: names are read by a pattern, and errors name the fault."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harness.datasets.base import Passport
from harness.datasets.folder import PATTERN, _number_texts, load, spec
from harness.errors import BadInput
from harness.priors.availability import priors_file
from harness.results.store import Store
from harness.runs.recording import evaluation_path

PLAIN = {
    "train": ("3_c1_a.png", "3_c2_a.png", "12_c1.png", "12_c2.png"),
    "query": ("0007_c1_00.png", "0008_c2_00.png"),
    "gallery": ("0007_c2_00.png", "0008_c1_00.png", "0000_c1_00.png", "-1_c1_00.png"),
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path_factory.mktemp("cache")))


def written(root: Path, images: dict[str, tuple[str, ...]] = PLAIN, yaml: str | None = None) -> Path:
    for number, (place, names) in enumerate(images.items()):
        (root / place).mkdir(parents=True)
        for shade, name in enumerate(names):
            Image.new("RGB", (4, 8), (40 * number, 30 * shade, 90)).save(root / place / name)
    if yaml is not None:
        (root / "dataset.yaml").write_text(yaml)
    return root


def read(root: Path):
    known = spec(f"folder:{root}")
    assert known.find(Path("elsewhere")) == root
    return known.load(root)


def test_identity_and_camera_are_those_of_the_names(tmp_path):
    dataset = read(written(tmp_path / "mine"))
    assert dataset.id == f"folder:{tmp_path / 'mine'}" and not dataset.embedded
    assert dict(zip(dataset.train.names, dataset.train.identities.tolist(), strict=True)) == {
        "train/12_c1.png": 12,
        "train/12_c2.png": 12,
        "train/3_c1_a.png": 3,
        "train/3_c2_a.png": 3,
    }
    assert dataset.query.identities.tolist() == [7, 8] and dataset.query.cameras.tolist() == [1, 2]
    assert dataset.query.identities.dtype == dataset.query.cameras.dtype == np.int64


def test_counts_are_of_the_files_there_and_junk_is_never_ranked(tmp_path):
    dataset = read(written(tmp_path / "mine"))
    assert dataset.gallery.names == ("gallery/0000_c1_00.png", "gallery/0007_c2_00.png", "gallery/0008_c1_00.png")
    assert dataset.passport.counts == {
        "train_images": 4,
        "train_ids": 2,
        "query_images": 2,
        "query_ids": 2,
        "gallery_images": 3,
        "gallery_ids": 3,
        "cameras": 2,
        "train_ids_in_test": 0,
        "junk_images": 1,
    }
    assert PATTERN in dataset.passport.variant and dataset.passport.remarks == ()
    assert not dataset.passport.official


def test_market_names_and_folders_are_read_as_they_are(tmp_path):
    images = {
        "bounding_box_train": ("0002_c1s1_000451_03.png", "0002_c3s1_000551_00.png"),
        "query": ("0001_c1s1_001051_00.png",),
        "bounding_box_test": ("0001_c2s1_000301_00.png", "-1_c1s1_000401_03.png"),
    }
    dataset = read(written(tmp_path, images))
    assert dataset.train.identities.tolist() == [2, 2] and dataset.train.cameras.tolist() == [1, 3]
    assert dataset.gallery.names == ("bounding_box_test/0001_c2s1_000301_00.png",)


def test_a_pattern_of_ones_own_reads_names_of_people_and_places(tmp_path):
    images = {
        "train": ("hall-ben-1.png", "yard-ben-1.png"),
        "query": ("hall-ann-1.png",),
        "gallery": ("yard-ann-1.png", "yard-cy-1.png"),
    }
    yaml = "title: Our building\npattern: '(?P<camera>\\w+)-(?P<identity>\\w+)-\\d+\\.png'\n"
    root = written(tmp_path, images, yaml)
    dataset = read(root)
    assert spec(f"folder:{root}").title == "Our building"
    assert dataset.train.identities.tolist() == [2, 2] and dataset.train.cameras.tolist() == [1, 2]
    assert dataset.query.identities.tolist() == [1] and dataset.query.cameras.tolist() == [1]
    assert dataset.gallery.identities.tolist() == [1, 3] and dataset.gallery.cameras.tolist() == [2, 2]
    assert "Identities are numbered in their order: ann is 1, ben is 2, cy is 3." in dataset.passport.remarks


def test_cameras_counted_from_nought_are_counted_from_one_and_it_is_said(tmp_path):
    images = {"train": ("1_c0.png", "1_c1.png"), "query": ("2_c0.png",), "gallery": ("2_c1.png",)}
    dataset = read(written(tmp_path, images))
    assert dataset.train.cameras.tolist() == [1, 2] and dataset.query.cameras.tolist() == [1]
    assert dataset.passport.remarks == ("Cameras are numbered in their order: 0 is 1, 1 is 2.",)


def test_a_camera_without_images_is_said(tmp_path):
    images = {"train": ("1_c1.png", "1_c4.png"), "query": ("2_c1.png",), "gallery": ("2_c2.png",)}
    assert read(written(tmp_path, images)).passport.remarks == ("No image is of camera 3, but some are of camera 4.",)


def test_people_seen_in_training_and_test_are_said(tmp_path):
    images = {"train": ("1_c1.png", "1_c2.png"), "query": ("1_c3.png",), "gallery": ("1_c1_again.png",)}
    dataset = read(written(tmp_path, images))
    assert dataset.passport.counts["train_ids_in_test"] == 1
    assert any("query or gallery show too: 1" in remark for remark in dataset.passport.remarks)


def test_without_the_camera_rule_no_camera_is_needed(tmp_path):
    images = {"train": ("1-a.png", "1-b.png"), "query": ("2-a.png",), "gallery": ("2-b.png",)}
    root = written(tmp_path, images, "pattern: '(?P<identity>\\d+)-.*'\ncamera_rule: false\n")
    assert spec(f"folder:{root}").protocol == "without_cameras"
    assert read(root).query.cameras.tolist() == [0]


def test_the_camera_rule_is_markets_unless_it_is_turned_off(tmp_path):
    assert spec(f"folder:{written(tmp_path)}").protocol == "market1501"


def test_names_that_do_not_fit_are_counted_and_the_first_three_named(tmp_path):
    bad = {split: (*names, f"{split} holiday.png", "c3.png") for split, names in PLAIN.items()}
    with pytest.raises(BadInput) as said:
        read(written(tmp_path, bad))
    assert "6 image(s)" in str(said.value) and "dataset.yaml" in str(said.value)
    assert "(train/c3.png, train/train holiday.png, query/c3.png, ...)" in str(said.value)


def test_a_name_without_the_optional_camera_is_a_name_that_does_not_fit(tmp_path):
    images = {"train": ("1_c1.png", "1.png"), "query": ("2_c1.png",), "gallery": ("2_c2.png",)}
    yaml = "pattern: '(?P<identity>\\d+)(_c(?P<camera>\\d+))?\\.png'\n"
    with pytest.raises(BadInput, match=r"train/1\.png"):
        read(written(tmp_path, images, yaml))


def test_a_missing_folder_is_named_with_the_tree_expected(tmp_path):
    root = written(tmp_path / "mine", {"train": PLAIN["train"]})
    with pytest.raises(
        BadInput, match=r"lacks the folder\(s\) query, gallery or bounding_box_test.*train,query,gallery"
    ):
        read(root)
    nowhere = spec(f"folder:{tmp_path / 'nowhere'}")
    assert nowhere.find(tmp_path) is None
    assert re.search(r"folder .*nowhere hold .*train,query,gallery", nowhere.obtain)
    with pytest.raises(BadInput, match=r"no folder .*nowhere.*train,query,gallery"):
        nowhere.load(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="names no folder"):
        spec("folder:")


def test_a_split_under_both_names_is_not_guessed(tmp_path):
    with pytest.raises(BadInput, match="both train and bounding_box_train"):
        read(written(tmp_path, PLAIN | {"bounding_box_train": ("1_c1.png",)}))


def test_a_split_without_images_and_junk_outside_the_gallery_are_named(tmp_path):
    with pytest.raises(BadInput, match="no images to use in gallery"):
        read(written(tmp_path / "a", PLAIN | {"gallery": ("-1_c1.png",)}))
    with pytest.raises(BadInput, match=r"query/-1_c1\.png"):
        read(written(tmp_path / "b", PLAIN | {"query": ("-1_c1.png",)}))


def test_junk_stays_junk_where_people_have_names(tmp_path):
    images = {
        "train": ("ben_c1.png", "ben_c2.png"),
        "query": ("ann_c1.png",),
        "gallery": ("ann_c2.png", "-1_c1.png", "-1_c2.png"),
    }
    dataset = read(written(tmp_path, images, "pattern: '(?P<identity>[^_]+)_c(?P<camera>\\d+)\\.png'\n"))
    assert dataset.gallery.names == ("gallery/ann_c2.png",)
    assert dataset.passport.counts["junk_images"] == 2
    assert dataset.query.identities.tolist() == [1] and dataset.train.identities.tolist() == [2, 2]
    with pytest.raises(BadInput, match=r"belongs in the gallery only; .* 1 image\(s\) query/-1_c1\.png"):
        read(written(tmp_path / "query", {**images, "query": ("-1_c1.png",)}, (tmp_path / "dataset.yaml").read_text()))


def test_an_identity_below_minus_one_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"1 image\(s\) of an identity below -1 \(gallery/-2_c1\.png\)"):
        read(written(tmp_path, PLAIN | {"gallery": ("7_c2.png", "-1_c1.png", "-2_c1.png")}))


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("patern: x", "nearest known: 'pattern'"),
        ("pattern: '(?P<identity>\\d+'", "not a regular expression"),
        ("pattern: '(?P<camera>\\d+)'", r"no group \(\?P<identity>"),
        ("pattern: '(?P<identity>\\d+)'", "camera_rule: false"),
        ("camera_rule: perhaps", "true or false"),
        ("title: [", "cannot be read as YAML"),
        ("- title", "keys and values"),
    ],
)
def test_settings_that_cannot_be_used_are_named(tmp_path, yaml, words):
    with pytest.raises(BadInput, match=words) as said:
        spec(f"folder:{written(tmp_path, yaml=yaml)}")
    assert "dataset.yaml" in str(said.value)


def test_moving_the_folder_changes_nothing_but_its_id(tmp_path):
    first = read(written(tmp_path / "here"))
    moved = read((tmp_path / "here").rename(tmp_path / "there"))
    assert moved.passport.fingerprint == first.passport.fingerprint
    Image.new("RGB", (4, 8), (1, 2, 3)).save(tmp_path / "there" / "train" / "3_c1_a.png")
    assert read(tmp_path / "there").passport.fingerprint != first.passport.fingerprint


@pytest.mark.parametrize(
    "other",
    [r"(?P<identity>\d)_\d_(?P<camera>\d)", r"\d_(?P<camera>\d)_(?P<identity>\d)"],
    ids=["another camera", "another identity"],
)
def test_another_reading_of_the_same_names_is_another_dataset(tmp_path, other):
    images = {"train": ("1_2_3.png", "2_1_4.png"), "query": ("3_4_5.png",), "gallery": ("4_3_6.png",)}
    root = written(tmp_path, images, r"pattern: '(?P<identity>\d)_(?P<camera>\d)_\d\.png'")
    before = read(root).passport.fingerprint
    (root / "dataset.yaml").write_text(rf"pattern: '{other}\.png'")
    assert read(root).passport.fingerprint != before


def evaluated(_, dataset):
    """Folder and name of an evaluation."""
    cell, run = SimpleNamespace(dataset=dataset), SimpleNamespace(id="r")
    planned = SimpleNamespace(cell=cell, needed_run=run, feature_label="g")
    folder, _, name = evaluation_path(planned).rpartition("/")
    return folder, name


def counted(tmp_path, dataset):
    """Folder and name of the file kept by a table of datasets."""
    before = set(tmp_path.rglob("*.json"))
    Store(tmp_path).write_counts(Passport(dataset, "as found", "f" * 64, {"train_images": 4}))
    (file,) = set(tmp_path.rglob("*.json")) - before
    return file.parent, file.name


def priors_of(tmp_path, dataset):
    """Folder and name of the file of priors of the training images."""
    file = priors_file(dataset, "train", tmp_path)
    return file.parent, file.name


@pytest.mark.parametrize("path", ["..", "../../elsewhere", "/my/images", "/a/" + "b" * 200])
@pytest.mark.parametrize("place", [evaluated, counted, priors_of], ids=lambda place: place.__name__)
def test_files_written_for_a_folder_stay_in_place_and_have_their_own_name(tmp_path, place, path):
    folder, example = place(tmp_path, "market1501")
    assert "market1501" in example
    stays_in, name = place(tmp_path, f"folder:{path}")
    assert stays_in == folder
    assert ".." not in name and len(name) < 110
    assert name != place(tmp_path, f"folder:{path.replace('/', '-')}-")[1]


def test_hidden_files_and_other_kinds_are_left_out(tmp_path):
    root = written(tmp_path)
    (root / "train" / "Thumbs.db").write_bytes(b"")
    (root / "train" / "._3_c1_a.png").write_bytes(b"")
    assert len(load(root, "folder:x").train) == 4


whole = st.integers(min_value=-1, max_value=50).map(str)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(whole, st.text(alphabet="ab01", min_size=1, max_size=3)), min_size=1), st.sampled_from([-1, 1])
)
def test_equal_texts_and_only_they_get_equal_numbers(texts, least):
    numbers = _number_texts(texts, least)

    def meaning(text: str) -> object:
        return int(text) if all(re.fullmatch(r"-?[0-9]+", each) for each in texts) else text

    for one in texts:
        assert numbers[one] >= least
        for other in texts:
            assert (numbers[one] == numbers[other]) == (meaning(one) == meaning(other))
    if all(re.fullmatch(r"-?[0-9]+", text) and int(text) >= least for text in texts):
        assert numbers == {text: int(text) for text in texts}
