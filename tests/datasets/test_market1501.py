"""Market-1501's layout on miniatures, and the real dataset if it is on disk."""

import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harness.datasets import market1501, passport
from harness.datasets.file_names import MARKET_NAME
from harness.datasets.passport import content_digests, fingerprint
from harness.errors import BadInput

MINIATURE = {
    "bounding_box_train": ["0002_c1s1_000451_03.jpg", "0002_c2s1_000776_01.jpg", "0007_c3s2_000801_01.jpg.jpg"],
    "query": ["0001_c1s1_001051_00.jpg", "0001_c2s1_000301_00.jpg"],
    "bounding_box_test": [
        "-1_c1s1_000401_03.jpg",
        "0000_c1s1_000151_01.jpg",
        "0001_c1s1_001051_03.jpg",
        "0001_c2s1_000301_04.jpg",
        "0003_c6s4_002202_01.jpg",
    ],
    "gt_bbox": [
        "0001_c1s1_001051_00.jpg",
        "0001_c1s1_001076_00.jpg",
        "0001_c2s1_000301_00.jpg",
        "0003_c6s4_002202_00.jpg.jpg",
    ],
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "data" / "2023_c9s9_market" / "market1501"
    for number, (name, files) in enumerate(MINIATURE.items()):
        (folder / name).mkdir(parents=True)
        (folder / name / "Thumbs.db").write_bytes(b"not an image")
        for row, file in enumerate(files):
            colour = (40 * number, 20 * row, 100)
            Image.new("RGB", (8, 16), colour).save(folder / name / file, "JPEG")
    return folder


def test_identity_and_camera_come_from_the_file_name_not_from_folder_names(root):
    data = market1501.load(root)
    assert data.train.names == tuple(f"bounding_box_train/{name}" for name in sorted(MINIATURE["bounding_box_train"]))
    assert data.train.identities.tolist() == [2, 2, 7]
    assert data.train.cameras.tolist() == [1, 2, 3]
    assert data.query.identities.tolist() == [1, 1]
    assert data.query.cameras.tolist() == [1, 2]


def test_junk_is_removed_from_the_gallery_and_distractors_stay(root):
    data = market1501.load(root)
    assert data.gallery.identities.tolist() == [0, 1, 1, 3]
    assert data.gallery.identities.dtype == np.int64
    assert data.passport.counts["junk_images"] == 1
    assert data.passport.counts["distractor_images"] == 1
    assert data.passport.counts["gallery_images"] == 4
    assert data.passport.counts["gallery_ids"] == 2
    assert data.passport.counts["test_folder_images"] == 5


def test_a_miniature_says_how_it_differs_from_the_published_counts(root):
    passport = market1501.load(root).passport
    assert passport.variant.startswith("differs: train_images is 3, published 12,936; train_ids is 2, published 751")
    assert "train_images is 3, published 12,936." in passport.remarks


def test_published_counts_make_the_official_variant(root, monkeypatch):
    found = dict(market1501.load(root).passport.counts)
    monkeypatch.setattr(market1501, "PUBLISHED", found)
    passport = market1501.load(root).passport
    assert passport.variant == "official" and passport.official


def test_a_training_identity_with_one_image_is_a_remark_not_an_error(root):
    remarks = market1501.load(root).passport.remarks
    assert "Training identities with one image only, which form no positive pair: 1 (first: 0007)." in remarks


def test_training_identities_that_are_also_tested_are_counted(root):
    Image.new("RGB", (8, 16)).save(root / "bounding_box_train" / "0001_c3s1_000001_00.jpg")
    passport = market1501.load(root).passport
    assert "train_ids_in_test is 1, published 0." in passport.remarks


def test_each_query_is_pooled_with_the_hand_drawn_boxes_of_its_identity_and_camera(root):
    data = market1501.load_multi_query(root)
    assert data.multi_query == ((0, 1), (2,))
    assert data.extra.identities.tolist() == [1, 1, 1, 3]
    assert data.extra.cameras.tolist() == [1, 1, 2, 6]
    assert data.passport.counts["extra_images"] == 4


def test_a_query_without_hand_drawn_box_is_counted_and_named(root):
    (root / "gt_bbox" / "0001_c2s1_000301_00.jpg").unlink()
    with pytest.raises(BadInput, match=r"for 1 queries \(0001_c2s1_000301_00\.jpg\)"):
        market1501.load_multi_query(root)


def test_single_query_needs_no_hand_drawn_boxes(root):
    for file in (root / "gt_bbox").iterdir():
        file.unlink()
    (root / "gt_bbox").rmdir()
    assert len(market1501.load(root).query) == 2
    with pytest.raises(BadInput, match=r"lacks the folder.*gt_bbox"):
        market1501.load_multi_query(root)


@pytest.mark.parametrize("missing", ["bounding_box_train", "query", "bounding_box_test"])
def test_a_missing_folder_is_named_with_the_tree_expected(root, missing):
    (root / missing).rename(root / "elsewhere")
    expected = (
        rf"lacks the folder\(s\) {missing}; .*Market-1501-v15.09.15/\{{bounding_box_train,query,bounding_box_test\}}"
    )
    with pytest.raises(BadInput, match=expected):
        market1501.load(root)


def test_an_empty_folder_is_named(root):
    for file in (root / "query").glob("*.jpg"):
        file.unlink()
    with pytest.raises(BadInput, match="query holds no images"):
        market1501.load(root)


@pytest.mark.parametrize("stray", ["0002_s1_000451_03.jpg", "holiday.png", "0002_c1s1_000451_03.jpg.jpg.jpg"])
def test_a_stray_image_is_named(root, stray):
    (root / "bounding_box_train" / stray).write_bytes(b"")
    with pytest.raises(BadInput, match=f"1 image.*{stray}"):
        market1501.load(root)


@pytest.mark.parametrize("ignored", ["Thumbs.db", ".DS_Store", "._0002_c1s1_000451_03.jpg", "readme.txt"])
def test_files_that_are_not_images_are_left_out(root, ignored):
    (root / "bounding_box_train" / ignored).write_bytes(b"anything")
    assert len(market1501.load(root).train) == 3


def test_a_link_that_leads_nowhere_is_named(root):
    image = root / "query" / MINIATURE["query"][0]
    image.unlink()
    image.symlink_to(root / "moved away.jpg")
    with pytest.raises(BadInput, match=rf"{image} cannot be read \(No such file or directory\)"):
        market1501.load(root)


def test_junk_in_the_training_folder_is_refused(root):
    (root / "bounding_box_train" / "-1_c1s1_000401_03.jpg").write_bytes(b"")
    with pytest.raises(BadInput, match="of identity -1 or 0"):
        market1501.load(root)


@settings(deadline=None)
@given(st.sampled_from([-1, 0, 1, 2, 1501, 9999]), st.integers(1, 6), st.integers(1, 9), st.integers(0, 999999))
def test_the_name_of_an_image_gives_back_its_identity_and_camera(identity, camera, sequence, frame):
    number = "-1" if identity == -1 else f"{identity:04d}"
    match = MARKET_NAME.fullmatch(f"{number}_c{camera}s{sequence}_{frame:06d}_00.jpg")
    assert match is not None
    assert (int(match["identity"]), int(match["camera"])) == (identity, camera)


def test_the_fingerprint_is_that_of_the_content_wherever_it_lies(root, tmp_path):
    first = market1501.load(root).passport.fingerprint
    moved = root.rename(tmp_path / "Market-1501")
    assert market1501.load(moved).passport.fingerprint == first


def test_one_changed_byte_changes_the_fingerprint(root):
    first = market1501.load(root).passport.fingerprint
    file = root / "query" / MINIATURE["query"][0]
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    assert market1501.load(root).passport.fingerprint != first


def test_a_byte_changed_with_its_time_of_modification_set_back_is_noticed(root):
    first = market1501.load(root).passport.fingerprint
    file = root / "query" / MINIATURE["query"][0]
    before = file.stat()
    file.write_bytes(bytes(reversed(file.read_bytes())))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert market1501.load(root).passport.fingerprint != first


@pytest.mark.parametrize("renamed", ["0009_c2s1_000776_01.jpg", "0002_c4s1_000776_01.jpg"])
def test_another_identity_or_camera_changes_the_fingerprint(root, renamed):
    first = market1501.load(root).passport.fingerprint
    train = root / "bounding_box_train"
    (train / "0002_c2s1_000776_01.jpg").rename(train / renamed)
    assert market1501.load(root).passport.fingerprint != first


def test_removing_junk_changes_the_fingerprint_but_hand_drawn_boxes_only_that_of_multiple_query(root):
    single = market1501.load(root).passport.fingerprint
    multiple = market1501.load_multi_query(root).passport.fingerprint
    (root / "gt_bbox" / "0003_c6s4_002202_00.jpg.jpg").unlink()
    assert market1501.load(root).passport.fingerprint == single
    assert market1501.load_multi_query(root).passport.fingerprint != multiple
    (root / "bounding_box_test" / "-1_c1s1_000401_03.jpg").unlink()
    assert market1501.load(root).passport.fingerprint != single


def test_the_order_of_the_files_is_not_part_of_the_fingerprint():
    files = [("query/a.jpg", "00", 1, 2), ("query/b.jpg", "01", 1, 3)]
    assert fingerprint(files) == fingerprint(reversed(files))
    assert fingerprint(files) != fingerprint([("query/a.jpg", "01", 1, 2), ("query/b.jpg", "00", 1, 3)])


def test_a_second_load_reads_no_image(root, monkeypatch):
    first = market1501.load(root).passport

    def no_reading(file: Path) -> str:
        raise AssertionError(f"{file} was read again")

    monkeypatch.setattr(passport, "_digest", no_reading)
    assert market1501.load(root).passport == first


def test_datasets_of_different_files_of_one_folder_do_not_forget_each_others_digests(root, monkeypatch):
    folder, names = root / "bounding_box_train", sorted(MINIATURE["bounding_box_train"])
    first = content_digests(folder, names), content_digests(folder, names[:1])
    assert first[0][:1] == first[1] == [hashlib.sha256((folder / names[0]).read_bytes()).hexdigest()]
    monkeypatch.setattr(passport, "_digest", None)
    assert (content_digests(folder, names), content_digests(folder, names[:1])) == first


def test_a_file_too_large_for_memory_is_read_piece_by_piece(root, monkeypatch):
    monkeypatch.setattr(Path, "read_bytes", None)
    assert len(market1501.load(root).train) == 3


@pytest.mark.parametrize("damage", ["{", "[]", '{"signature": "x"}', ""])
def test_a_damaged_list_of_digests_is_made_again(root, tmp_path, damage):
    first = market1501.load(root).passport
    for kept in (tmp_path / "cache" / "passports").iterdir():
        kept.write_text(damage)
    assert market1501.load(root).passport == first


def test_the_data_root_may_be_the_dataset_itself(root, tmp_path):
    assert market1501.find(root) == root
    assert market1501.find(tmp_path / "nowhere") is None


def test_multiple_query_is_found_only_where_the_hand_drawn_boxes_are(root):
    assert market1501.MARKET1501_MULTI_QUERY.find(root.parent) == root
    (root / "gt_bbox").rename(root / "gt_bbox.away")
    assert market1501.MARKET1501_MULTI_QUERY.find(root.parent) is None
    assert market1501.MARKET1501.find(root.parent) == root
    assert "gt_bbox" in market1501.MARKET1501_MULTI_QUERY.obtain


def _real_folder() -> Path | None:
    data_root = os.environ.get("HARNESS_DATA_ROOT")
    return market1501.find(Path(data_root)) if data_root else None


@pytest.mark.skipif(_real_folder() is None, reason="HARNESS_DATA_ROOT holds no Market-1501")
def test_the_real_market_1501_is_official():
    folder = _real_folder()
    data = market1501.load_multi_query(folder)
    assert data.passport.variant == "official"
    assert data.passport.remarks == ()
    assert (len(data.train), len(data.query), len(data.gallery)) == (12_936, 3_368, 15_913)
    assert (
        sum(name.endswith(".jpg.jpg") for split in (data.train, data.query, data.extra) for name in split.names) == 20
    )
    assert (data.gallery.identities == 0).sum() == 2_798
    assert min(map(len, data.multi_query)) >= 1
    started = time.perf_counter()
    market1501.load(folder)
    assert time.perf_counter() - started < 5, "a load with kept digests takes a fraction of a second"
