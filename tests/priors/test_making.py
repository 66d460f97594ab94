"""Arrays of several providers are kept in one file, for the images of a split and for datasets that share them."""

import hashlib
import shutil
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from harness.datasets.base import Split
from harness.errors import BadInput
from harness.files.atomic import write_atomically
from harness.priors import load_priors, making, missing_priors
from harness.priors.availability import priors_file
from harness.priors.making import make_priors
from harness.priors.naming import image_names
from harness.priors.parsing import derive_parsing
from harness.priors.providers import Provider
from tests.priors.test_providers import NAMES, dataset_of, quiet, seen_by, two_images


@pytest.fixture
def split(tmp_path) -> Split:
    return two_images(tmp_path)


def test_methods_read_the_arrays_of_a_provider_with_its_statement(tmp_path, split):
    generator = np.random.default_rng(0)
    keypoints = generator.random((2, 17, 3)).astype(np.float16)
    mask = generator.random((2, 64, 32)) < 0.5
    data = dataset_of(tmp_path, split)
    make_priors(data, "train", seen_by("A 1.0", keypoints=keypoints, presence=np.ones(2)), tmp_path, False, quiet)
    make_priors(data, "train", seen_by("B 2.0", mask=mask), tmp_path, False, quiet)
    read = load_priors(data, "train", ["keypoints", "segmentation"], tmp_path)
    np.testing.assert_array_equal(read.arrays["keypoints"], keypoints.astype(np.float32))
    np.testing.assert_array_equal(read.arrays["segmentation"], mask)
    assert read.provider == "file market1501_train_priors.npz (keypoints by A 1.0; mask by B 2.0)"
    only = load_priors(data, "train", ["segmentation"], tmp_path)
    assert only.provider == "file market1501_train_priors.npz (mask by B 2.0)"
    parts = load_priors(data, "train", ["parsing"], tmp_path)
    expected = derive_parsing(keypoints.astype(np.float32), mask, np.ones(2))
    np.testing.assert_array_equal(parts.arrays["parsing"], expected)


def test_another_version_of_the_provider_is_another_fingerprint(tmp_path, split):
    data, mask = dataset_of(tmp_path, split), np.ones((2, 64, 32), bool)
    prints = []
    for version in ("B 2.0", "B 2.1", "B 2.0"):
        make_priors(data, "train", seen_by(version, mask=mask), tmp_path, True, quiet)
        prints.append(load_priors(data, "train", ["segmentation"], tmp_path).fingerprint)
    assert prints[0] == prints[2] != prints[1]


def test_the_fingerprint_is_that_of_provider_kinds_and_stored_rows(tmp_path, split):
    mask = np.random.default_rng(1).random((2, 64, 32)) < 0.5
    (tmp_path / "priors").mkdir()
    packed = np.packbits(mask.reshape(2, -1), axis=1)
    np.savez(tmp_path / "priors" / "market1501_train_priors.npz", names=image_names(split), mask=packed)
    read = load_priors(dataset_of(tmp_path, split), "train", ["segmentation"], tmp_path)
    assert read.provider == "file market1501_train_priors.npz"
    written_down = b"file market1501_train_priors.npz segmentation" + b"mask|u1(2, 256)" + packed.tobytes()
    assert read.fingerprint == hashlib.sha256(written_down).hexdigest()


def test_kept_arrays_are_not_replaced_unasked(tmp_path, split):
    data = dataset_of(tmp_path, split)
    ones, zeros = np.ones((2, 64, 32), bool), np.zeros((2, 64, 32), bool)
    file = make_priors(data, "train", seen_by("A", mask=ones, parsing=ones), tmp_path, False, quiet)
    before = file.read_bytes()
    never = Provider("B", ("mask",), lambda *_: pytest.fail("looked at images for nothing"))
    with pytest.raises(BadInput, match="holds mask already; add --overwrite"):
        make_priors(data, "train", never, tmp_path, False, quiet)
    other = dataset_of(tmp_path, Split((NAMES[0], "train/0003.jpg"), split.identities, split.cameras))
    for overwrite in (False, True):  # The parsing would be lost.
        with pytest.raises(
            BadInput, match=r"made for other images, it lacks 1 of these 2 \(0003\.jpg\); move it away$"
        ):
            make_priors(other, "train", never, tmp_path, overwrite, quiet)
    assert file.read_bytes() == before
    make_priors(data, "train", seen_by("B", mask=zeros), tmp_path, True, quiet)
    read = load_priors(data, "train", ["segmentation", "parsing"], tmp_path)
    assert not read.arrays["segmentation"].any() and read.arrays["parsing"].all()
    assert read.provider.endswith("(mask by B; parsing by A)")
    with pytest.raises(BadInput, match="has no query images"):
        make_priors(data, "query", never, tmp_path, False, quiet)


def test_a_file_of_other_images_is_replaced_only_on_request_and_where_nothing_else_is_lost(tmp_path, split):
    mask = np.ones((2, 64, 32), bool)
    make_priors(dataset_of(tmp_path, split), "train", seen_by("A", mask=mask), tmp_path, False, quiet)
    other = dataset_of(tmp_path, Split(("train/0003.jpg", "train/0004.jpg"), split.identities, split.cameras))
    with pytest.raises(BadInput, match="move it away, or replace it with --overwrite"):
        make_priors(other, "train", seen_by("B", mask=mask), tmp_path, False, quiet)
    make_priors(other, "train", seen_by("B", mask=~mask), tmp_path, True, quiet)
    assert not load_priors(other, "train", ["segmentation"], tmp_path).arrays["segmentation"].any()


def test_no_arrays_are_added_to_a_malformed_file(tmp_path, split):
    (tmp_path / "priors").mkdir()
    file = tmp_path / "priors" / "market1501_train_priors.npz"
    never = Provider("B", ("mask",), lambda *_: pytest.fail("looked at images for nothing"))
    for held, words in (
        ({"names": np.array("one")}, "names is not a list of texts"),
        ({"parsing": np.zeros((2, 64, 32))}, "it has no names"),
        ({"names": image_names(split), "parsing": np.full((2, 64, 32), 19)}, "parsing has the label 19"),
    ):
        np.savez(file, **held)
        with pytest.raises(BadInput, match=rf"{file}.* {words}"):
            make_priors(dataset_of(tmp_path, split), "train", never, tmp_path, True, quiet)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_that_names_further_images_is_added_to(tmp_path, split, overwrite):
    mask = np.stack([np.ones((64, 32), bool), np.zeros((64, 32), bool)])
    make_priors(dataset_of(tmp_path, split), "train", seen_by("A", mask=mask), tmp_path, False, quiet)
    fewer = dataset_of(tmp_path, Split(NAMES[1:], split.identities[1:], split.cameras[1:]))
    parsing = np.ones((1, 64, 32), np.uint8)
    make_priors(fewer, "train", seen_by("B", parsing=parsing), tmp_path, overwrite, quiet)
    read = load_priors(fewer, "train", ["segmentation", "parsing"], tmp_path)
    assert not read.arrays["segmentation"].any() and read.arrays["parsing"].all()
    assert read.provider.endswith("(mask by A; parsing by B)")


def test_arrays_written_by_another_provider_meanwhile_stay(tmp_path, split):
    data = dataset_of(tmp_path, split)
    mask, parsing = np.ones((2, 64, 32), bool), np.ones((2, 64, 32), np.uint8)

    def overtaken(*_):
        make_priors(data, "train", seen_by("B", mask=mask), tmp_path, False, quiet)
        return {"parsing": parsing}

    make_priors(data, "train", Provider("A", ("parsing",), overtaken), tmp_path, False, quiet)
    read = load_priors(data, "train", ["segmentation", "parsing"], tmp_path)
    assert read.arrays["segmentation"].all() and read.arrays["parsing"].all()
    assert read.provider.endswith("(mask by B; parsing by A)")


def test_two_providers_never_write_at_once(tmp_path, split, monkeypatch):
    data = dataset_of(tmp_path, split)
    inside = []

    def slowly(path, write):
        inside.append(path)
        assert len(inside) == 1
        time.sleep(0.1)
        write_atomically(path, write)
        inside.remove(path)

    monkeypatch.setattr(making, "write_atomically", slowly)
    given = [seen_by("A", mask=np.ones((2, 64, 32), bool)), seen_by("B", parsing=np.ones((2, 64, 32), np.uint8))]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda each: make_priors(data, "train", each, tmp_path, False, quiet), given))
    assert load_priors(data, "train", ["segmentation", "parsing"], tmp_path).arrays["parsing"].all()
    (lock,) = (tmp_path / "priors").glob(".*.lock")
    assert stat.S_IMODE(lock.stat().st_mode) == 0o666, "another user may add to the file too"


def test_a_folder_that_cannot_be_written_is_said_before_any_image_is_looked_at(tmp_path, split):
    (tmp_path / "priors").write_text("a file where the folder would be")
    never = Provider("A", ("mask",), lambda *_: pytest.fail("looked at images for nothing"))
    with pytest.raises(BadInput, match="priors cannot be written"):
        make_priors(dataset_of(tmp_path, split), "train", never, tmp_path, False, quiet)


def test_rows_that_were_kept_follow_their_images(tmp_path, split):
    mask = np.stack([np.ones((64, 32), bool), np.zeros((64, 32), bool)])
    make_priors(dataset_of(tmp_path, split), "train", seen_by("A", mask=mask), tmp_path, False, quiet)
    turned = dataset_of(tmp_path, Split(NAMES[::-1], split.identities, split.cameras))
    parsing = np.stack([np.full((64, 32), 1), np.full((64, 32), 2)])
    make_priors(turned, "train", seen_by("B", parsing=parsing), tmp_path, False, quiet)
    read = load_priors(dataset_of(tmp_path, split), "train", ["segmentation", "parsing"], tmp_path).arrays
    assert read["segmentation"][0].all() and not read["segmentation"][1].any()
    assert (read["parsing"][0] == 2).all() and (read["parsing"][1] == 1).all()


def test_images_whose_file_names_repeat_are_told_apart_by_their_folders(tmp_path):
    split = Split(("cam1/0001/0001.jpg", "cam1/0002/0001.jpg"), np.array([1, 2]), np.array([1, 1]))
    assert image_names(split) == list(split.names)
    mask = np.stack([np.ones((64, 32), bool), np.zeros((64, 32), bool)])
    data = dataset_of(tmp_path, split)
    make_priors(data, "train", seen_by("A", mask=mask), tmp_path, False, quiet)
    np.testing.assert_array_equal(load_priors(data, "train", ["segmentation"], tmp_path).arrays["segmentation"], mask)


def test_a_test_set_of_its_own_has_priors_of_its_own(tmp_path):
    assert priors_file("market1501_multi_query", "query", tmp_path).name == "market1501_query_priors.npz"
    assert priors_file("occluded_reid", "train", tmp_path).name == "market1501_train_priors.npz"
    assert priors_file("occluded_reid", "query", tmp_path).name == "occluded_reid_query_priors.npz"


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("market1501", "market1501_multi_query", ["train", "query", "gallery"]),
        ("cuhk03", "cuhk03_detected", ["train", "query", "gallery"]),
        ("cuhk03_detected", "cuhk03_labeled", []),
        ("sysu_all", "sysu_indoor", ["train"]),  # Indoor search has fewer gallery images.
        ("regdb_visible_to_infrared", "regdb_infrared_to_visible", ["train"]),
        ("msmt17", "msmt17_train_only", []),
    ],
)
def test_datasets_share_the_priors_of_the_splits_that_are_the_same_images(tmp_path, one, other, shared):
    for split_name in ("train", "query", "gallery"):
        files = {priors_file(each, split_name, tmp_path) for each in (one, other)}
        assert (len(files) == 1) == (split_name in shared)


def test_each_numbered_split_has_priors_of_its_own(tmp_path, split):
    mask = np.ones((2, 64, 32), bool)
    data = replace(dataset_of(tmp_path, split), id="regdb_visible_to_infrared", number=3)
    file = make_priors(data, "train", seen_by("A", mask=mask), tmp_path, False, quiet)
    assert file.name == "regdb_visible_to_infrared_split3_train_priors.npz"
    assert load_priors(data, "train", ["segmentation"], tmp_path).arrays["segmentation"].all()
    with pytest.raises(BadInput, match=r"--split train --seed 3 --provider NAME"):
        load_priors(replace(data, number=4), "train", ["segmentation"], tmp_path)
    reason = missing_priors(data.id, ["segmentation"], tmp_path, ["train"])
    assert reason is not None and "_split1_train_priors.npz" in reason and "--seed 0" in reason
    for number in {*range(1, 11)} - {3}:
        shutil.copy(file, priors_file(data.id, "train", tmp_path, number))
    assert missing_priors(data.id, ["segmentation"], tmp_path, ["train"]) is None
