"""Datasets made from DukeMTMC-reID: Occluded-Duke by its lists, Partial-Duke by cutting."""

import os
import shutil
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harness.datasets import dataset, dukemtmc, make_once, occluded_duke, partial_duke
from harness.errors import BadInput

FILES = {
    "bounding_box_train": [f"000{person}_c{camera}_f000000{camera}.jpg" for person in (1, 2) for camera in (1, 2, 3)],
    "query": ["0005_c2_f0046985.jpg", "0006_c3_f0046985.jpg"],
    "bounding_box_test": ["0005_c1_f0044158.jpg", "0005_c4_f0044158.jpg", "0006_c1_f0093000.jpg"],
}
LISTS = {
    "train": ["0002_c1_f0000001.jpg", "0001_c2_f0000002.jpg", "0001_c1_f0000001.jpg"],
    "query": ["0005_c2_f0046985.jpg", "0006_c1_f0093000.jpg"],
    "gallery": ["0005_c1_f0044158.jpg", "0005_c4_f0044158.jpg", "0006_c1_f0093000.jpg"],
}


@pytest.fixture
def duke(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "data" / "DukeMTMC-reID"
    rng = np.random.default_rng(0)
    for folder, names in FILES.items():
        (root / folder).mkdir(parents=True)
        for name in names:
            Image.fromarray(rng.integers(0, 256, (20, 9, 3), dtype=np.uint8)).save(root / folder / name)
    return root


@pytest.fixture
def lists(duke):
    folder = duke.parent / "Occluded_Duke"
    folder.mkdir()
    for split, names in LISTS.items():
        # The published lists end their lines in different ways.
        (folder / f"{split}.list").write_bytes("\r\n".join(names).encode())
    return folder


def ready_made(duke, lists, place):
    """The folders that the published script makes from the lists."""
    folders = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
    for split, folder in folders.items():
        (place / folder).mkdir(parents=True)
        for name in LISTS[split]:
            source = duke / folder / name
            shutil.copy(source if source.exists() else duke / "bounding_box_test" / name, place / folder)
    return place


def test_the_lists_choose_from_duke_and_copy_nothing(duke, lists):
    assert occluded_duke.find(duke.parent) == lists
    data = occluded_duke.load(lists)
    assert data.root == duke
    assert data.train.names == tuple(f"bounding_box_train/{name}" for name in sorted(LISTS["train"]))
    assert data.query.names == ("query/0005_c2_f0046985.jpg", "bounding_box_test/0006_c1_f0093000.jpg")
    assert data.query.identities.tolist() == [5, 6]
    assert data.query.cameras.tolist() == [2, 1]


def test_an_image_is_taken_from_the_folder_of_its_own_split_first(duke, lists):
    name = LISTS["query"][0]
    shutil.copy(duke / "query" / name, duke / "bounding_box_test" / name)
    assert occluded_duke.load(lists).query.names[0] == f"query/{name}"


def test_ready_made_folders_are_the_same_dataset_as_the_lists(duke, lists, tmp_path):
    by_lists = occluded_duke.load(lists)
    made = ready_made(duke, lists, tmp_path / "other" / "Occluded-Duke")
    assert occluded_duke.find(tmp_path / "other") == made
    by_folders = occluded_duke.load(made)
    assert by_folders.passport == by_lists.passport
    assert by_folders.query.identities.tolist() == by_lists.query.identities.tolist()


def test_ready_made_folders_are_preferred_and_a_clone_of_the_lists_is_found(duke, lists):
    lists.rename(duke.parent / "clone")
    clone = duke.parent / "Occluded-DukeMTMC-Dataset" / "Occluded_Duke"
    clone.parent.mkdir()
    (duke.parent / "clone").rename(clone)
    assert occluded_duke.find(duke.parent) == clone
    assert occluded_duke.load(clone).root == duke
    made = ready_made(duke, clone, duke.parent / "occluded-duke")
    assert occluded_duke.find(duke.parent) == made


def test_lists_without_duke_are_no_dataset(duke, lists):
    shutil.move(duke, duke.parent.parent.parent / f"{duke.parent.parent.name}-far")
    assert occluded_duke.find(lists.parent) is None
    with pytest.raises(BadInput, match=r"no DukeMTMC-reID is beside .*Occluded_Duke"):
        occluded_duke.load(lists)


def test_a_missing_list_and_a_missing_image_are_named(duke, lists):
    (duke / "bounding_box_test" / "0005_c4_f0044158.jpg").unlink()
    with pytest.raises(BadInput, match=r"lacks 1 image.*gallery.list names: 0005_c4_f0044158.jpg"):
        occluded_duke.load(lists)
    (lists / "query.list").unlink()
    with pytest.raises(BadInput, match=r"Occluded_Duke lacks query.list; get the three lists"):
        occluded_duke.load(lists)


def test_a_list_that_is_no_text_is_named(lists):
    (lists / "query.list").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match=r"query\.list is not text in UTF-8 .*get the lists of Occluded-Duke again"):
        occluded_duke.load(lists)


@pytest.mark.parametrize("line", ["0005_f0046985.jpg", "query/0005_c2_f0046985.jpg"], ids=["no camera", "a path"])
def test_a_bad_line_of_a_list_is_shown(duke, lists, line):
    (lists / "query.list").write_text(line + "\n" + LISTS["query"][0] + "\n")
    with pytest.raises(BadInput, match=rf"query.list has 1 line\(s\).*: {line}"):
        occluded_duke.load(lists)


def test_an_image_listed_twice_is_named(duke, lists):
    (lists / "query.list").write_text("\n".join(LISTS["query"] * 2))
    with pytest.raises(BadInput, match=r"2 query image\(s\) are there twice"):
        occluded_duke.load(lists)


def test_a_query_that_is_also_in_the_gallery_is_not_its_own_match(duke, lists):
    from harness.evaluation.protocols import relevance

    data = occluded_duke.load(lists)
    found = relevance(
        data.query.identities, data.query.cameras, data.gallery.identities, data.gallery.cameras, "market1501"
    )
    itself = data.gallery.names.index("bounding_box_test/0006_c1_f0093000.jpg")
    assert found.junk[1].tolist() == [itself]
    assert found.matches[1].tolist() == []


def test_half_the_images_are_cut_half_of_these_to_the_upper_half_the_rest_to_the_upper_third():
    # PGFL-KD, Sec. 4.1, at the sizes of DukeMTMC-reID.
    for images, halves, thirds in ((16_522, 4_130, 4_131), (2_228, 557, 557), (17_661, 4_415, 4_415)):
        cuts = list(partial_duke.draw_cuts([f"{number:05d}.jpg" for number in range(images)]).values())
        assert (cuts.count(2), cuts.count(3)) == (halves, thirds)


@settings(deadline=None)
@given(st.lists(st.text("0123456789", min_size=1, max_size=6), unique=True), st.randoms())
def test_which_images_are_cut_does_not_depend_on_their_order(names, random):
    shuffled = list(names)
    random.shuffle(shuffled)
    cuts = partial_duke.draw_cuts(names)
    assert partial_duke.draw_cuts(shuffled) == cuts
    assert len(cuts) == len(names) // 2
    assert cuts.keys() <= set(names)


def test_a_cut_image_is_exactly_the_upper_rows_and_a_whole_one_the_very_file(duke):
    data = partial_duke.load(duke)
    whole = dukemtmc.load(duke)
    cut = 0
    for split in ("train", "query", "gallery"):
        made, source = getattr(data, split), getattr(whole, split)
        assert made.identities.tolist() == source.identities.tolist()
        assert made.cameras.tolist() == source.cameras.tolist()
        parts = partial_duke.draw_cuts(source.names)
        for name, original in zip(made.names, source.names, strict=True):
            if original not in parts:
                assert (data.root / name).read_bytes() == (duke / original).read_bytes()
                continue
            cut += 1
            rows = {2: 10, 3: 6}[parts[original]]
            with Image.open(data.root / name) as image, Image.open(duke / original) as before:
                assert np.array_equal(np.asarray(image), np.asarray(before)[:rows])
    assert cut == 3 + 1 + 1


def test_partial_duke_says_that_the_choice_is_our_own_and_that_duke_was_withdrawn(duke, monkeypatch):
    spec = dataset("partial_duke")
    assert spec.find(duke.parent) == duke
    assert spec.training_id == "partial_duke"
    passport = spec.load(duke).passport
    assert passport.variant.startswith("differs: train_images is 6, published 16,522; ")
    assert passport.variant.endswith(
        "; which images are cut was drawn here with seed 0, the authors' choice is not published"
    )
    assert dukemtmc.WITHDRAWN in passport.remarks
    for name, count in passport.counts.items():
        monkeypatch.setitem(spec.published, name, count)
    passport = spec.load(duke).passport
    assert passport.variant == f"differs: {partial_duke.OWN_DRAW}" and not passport.official


def test_another_seed_or_another_duke_is_another_dataset(duke, monkeypatch):
    first = partial_duke.load(duke)
    assert first.passport.fingerprint != dukemtmc.load(duke).passport.fingerprint
    monkeypatch.setattr(partial_duke, "SEED", 1)
    other = partial_duke.load(duke)
    assert other.root != first.root
    assert other.passport.fingerprint != first.passport.fingerprint
    monkeypatch.undo()
    Image.new("RGB", (9, 20), (200, 0, 0)).save(duke / "query" / FILES["query"][0])
    assert partial_duke.load(duke).passport.fingerprint != first.passport.fingerprint


def test_the_images_are_made_once(duke, monkeypatch):
    first = partial_duke.load(duke)

    def no_making(*arguments):
        raise AssertionError("made again")

    monkeypatch.setattr(partial_duke, "_make_image", no_making)
    again = partial_duke.load(duke)
    assert again.passport == first.passport
    assert again.train.names == first.train.names


def test_of_two_that_start_together_one_makes_the_images_and_the_other_waits(tmp_path, monkeypatch):
    both, makings = threading.Barrier(2), []

    def together():
        both.wait(10)
        return tmp_path

    def slowly(folder):
        makings.append(folder)
        time.sleep(0.2)
        (folder / "a.png").write_bytes(b"image")

    monkeypatch.setattr(make_once, "cache_folder", together)
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda _: make_once.make_once("some/images", slowly), range(2)))
    assert made == [tmp_path / "some" / "images"] * 2
    assert len(makings) == 1


def test_all_users_of_a_shared_cache_can_read_the_made_images(duke, monkeypatch):
    before = os.umask(0o022)
    try:
        made = dataset("partial_duke").load(duke).root
    finally:
        os.umask(before)
    assert stat.S_IMODE(made.stat().st_mode) == 0o755
    assert stat.S_IMODE(made.with_name(f"{made.name}.lock").stat().st_mode) == 0o666
    assert list(made.parent.glob(".making-*")) == []
    monkeypatch.setattr(os, "access", lambda folder, mode: folder != made)
    with pytest.raises(BadInput, match=rf"{made} cannot be read \(Permission denied\); .*chmod -R a\+rX"):
        dataset("partial_duke").load(duke)


def test_images_missing_from_those_made_are_noticed(duke):
    data = partial_duke.load(duke)
    (data.root / data.train.names[0]).unlink()
    with pytest.raises(BadInput, match=r"images are missing from .*; delete .* to have them made again"):
        partial_duke.load(duke)


def test_a_corrupt_image_is_named_and_nothing_that_looks_complete_is_left(duke, tmp_path):
    names = dukemtmc.load(duke).gallery.names
    corrupt = next(iter(partial_duke.draw_cuts(names)))
    (duke / corrupt).write_bytes(b"\xff\xd8\xff not a JPEG")
    with pytest.raises(BadInput, match=f"{corrupt} cannot be decoded; replace it"):
        partial_duke.load(duke)
    assert [path for path in (tmp_path / "cache" / "partial_duke").iterdir() if path.is_dir()] == []
