"""CUHK03 from its original release: a MATLAB file of images and the configuration of the 767/700 split."""

import sys

import numpy as np
import pytest
from PIL import Image

from harness.datasets import dataset
from harness.errors import BadInput

h5py = pytest.importorskip("h5py", reason="h5py is an optional extra")
scipy_io = pytest.importorskip("scipy.io", reason="scipy is an optional extra")

LISTED = {"1_001_1_01.png": 3, "1_001_2_06.png": 3, "1_002_1_02.png": 7, "1_002_2_07.png": 7, "5_001_1_03.png": 9}
CAMERAS = [1, 2, 1, 2, 1]
ROWS = {"train_idx": [1, 2], "query_idx": [3], "gallery_idx": [4, 5]}


def picture(name):
    """The image of a listed name, as rows x columns x colours."""
    return np.random.default_rng(list(name.encode())).integers(0, 256, (12, 5, 3), dtype=np.uint8)


def write_release(folder, kinds=("detected", "labeled")):
    """A file as MATLAB 7.3 stores it: cell arrays hold references, arrays are transposed, an empty one is two zeros."""
    with h5py.File(folder / "cuhk-03.mat", "w") as file:
        empty = file.create_dataset("#refs#/empty", data=np.zeros(2, np.uint64))
        for kind in kinds:
            outer = file.create_dataset(kind, (1, 5), dtype=h5py.ref_dtype)
            for pair in range(5):
                cell = file.create_dataset(f"#refs#/{kind}{pair}", (10, 2), dtype=h5py.ref_dtype)
                cell[...] = empty.ref
                for name in LISTED:
                    listed_pair, person, _, image = map(int, name.removesuffix(".png").split("_"))
                    if listed_pair == pair + 1:
                        stored = file.create_dataset(f"#refs#/{kind}-{name}", data=picture(kind + name).T)
                        cell[image - 1, person - 1] = stored.ref
                outer[0, pair] = cell.ref


def write_configuration(folder, kind, **changes):
    column = {
        "filelist": np.array([[name] for name in LISTED], dtype=object),
        "labels": np.array([[label] for label in LISTED.values()]),
        "camId": np.array([[camera] for camera in CAMERAS]),
    }
    content = column | {key: np.array([rows]).T for key, rows in ROWS.items()} | changes
    scipy_io.savemat(folder / f"cuhk03_new_protocol_config_{kind}.mat", content)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "data" / "cuhk03"
    (folder / "cuhk03_release").mkdir(parents=True)
    write_release(folder / "cuhk03_release")
    for kind in ("detected", "labeled"):
        write_configuration(folder, kind)
    return folder


def load(root, dataset_id="cuhk03_detected"):
    spec = dataset(dataset_id)
    assert spec.find(root.parent) == root
    return spec.load(root)


@pytest.mark.parametrize(
    ("dataset_id", "kind"), [("cuhk03_detected", "detected"), ("cuhk03_labeled", "labeled"), ("cuhk03", "detected")]
)
def test_the_images_are_those_of_the_configuration_the_right_way_up(root, dataset_id, kind):
    data = load(root, dataset_id)
    assert data.id == dataset_id
    assert data.train.identities.tolist() == [3, 3]
    assert data.train.cameras.tolist() == [1, 2]
    assert (data.query.identities.tolist(), data.query.cameras.tolist()) == ([7], [1])
    assert (data.gallery.identities.tolist(), data.gallery.cameras.tolist()) == ([7, 9], [2, 1])
    for names, split in (
        (list(LISTED)[:2], data.train),
        (list(LISTED)[2:3], data.query),
        (list(LISTED)[3:], data.gallery),
    ):
        for listed, name in zip(names, split.names, strict=True):
            with Image.open(data.root / name) as image:
                assert np.array_equal(np.asarray(image), picture(kind + listed))


def test_the_extracted_images_are_in_the_layout_of_cuhk03_np(root, tmp_path, monkeypatch):
    data = load(root)
    (tmp_path / "other" / "cuhk03-np").mkdir(parents=True)
    (tmp_path / "other" / "cuhk03-np" / "detected").symlink_to(data.root)
    spec = dataset("cuhk03_detected")
    again = spec.load(spec.find(tmp_path / "other"))
    assert again.train.names == data.train.names
    assert again.gallery.identities.tolist() == data.gallery.identities.tolist()
    assert dict(again.passport.counts) == dict(data.passport.counts)


def test_counts_are_set_against_the_published_ones(root, monkeypatch):
    passport = load(root).passport
    assert passport.counts["gallery_ids"] == 2
    assert "train_images is 2, published 7,365." in passport.remarks
    for name, count in passport.counts.items():
        monkeypatch.setitem(dataset("cuhk03_detected").published, name, count)
    assert load(root).passport.variant == "official"


def test_the_release_is_read_once(root, monkeypatch):
    first = load(root)
    monkeypatch.setattr(h5py, "File", None)
    again = load(root)
    assert again.passport == first.passport
    assert again.root == first.root


def test_detected_and_labelled_boxes_and_another_split_have_fingerprints_of_their_own(root):
    detected, labeled = load(root), load(root, "cuhk03_labeled")
    assert detected.passport.fingerprint != labeled.passport.fingerprint
    write_configuration(root, "detected", query_idx=np.array([[4]]), gallery_idx=np.array([[3], [5]]))
    assert load(root).passport.fingerprint != detected.passport.fingerprint
    assert load(root).query.cameras.tolist() == [2]


def test_the_configuration_may_lie_beside_the_release(root):
    name = "cuhk03_new_protocol_config_detected.mat"
    (root / name).rename(root / "cuhk03_release" / name)
    assert len(load(root).train) == 2


def test_a_missing_configuration_is_named(root):
    (root / "cuhk03_new_protocol_config_labeled.mat").unlink()
    with pytest.raises(BadInput, match=r"lacks cuhk03_new_protocol_config_labeled.mat"):
        load(root, "cuhk03_labeled")


@pytest.mark.parametrize("missing", ["h5py", "scipy.io"])
def test_a_missing_extra_is_named_with_the_other_way(root, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(BadInput, match=rf"cuhk-03.mat needs {missing}; .*reid-tables\[cuhk03\].*CUHK03-NP"):
        load(root)


@pytest.mark.parametrize(
    "changes",
    [
        {"filelist": np.array([["1_001_01.png"]] * 5, dtype=object)},
        {"train_idx": np.array([[99]])},
        {"labels": np.array([["x"]] * 5, dtype=object)},
    ],
    ids=["bad name", "row out of range", "no numbers"],
)
def test_a_configuration_that_is_not_as_published_is_named(root, changes):
    write_configuration(root, "detected", **changes)
    with pytest.raises(BadInput, match=r"config_detected.mat is not a CUHK03 configuration \(.+\)"):
        load(root)


def test_a_listed_image_that_is_empty_is_named(root):
    names = [*list(LISTED)[:4], "2_001_1_01.png"]
    write_configuration(root, "detected", filelist=np.array([[name] for name in names], dtype=object))
    with pytest.raises(BadInput, match=r"does not hold the detected images of CUHK03 \(image 1 of person 1 is empty\)"):
        load(root)


def test_a_file_that_is_no_release_is_named(root):
    (root / "cuhk03_release" / "cuhk-03.mat").write_bytes(b"not HDF5")
    with pytest.raises(BadInput, match=r"cuhk-03.mat does not hold the detected images .*extract it"):
        load(root)


def test_neither_folders_nor_release_are_named_together(tmp_path):
    with pytest.raises(
        BadInput, match=r"lacks the folder detected and the file cuhk03_release/cuhk-03.mat; .*expected"
    ):
        dataset("cuhk03_detected").load(tmp_path)
