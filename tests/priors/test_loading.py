"""Priors: rows match images by name, and part maps agree with a naive reading of mask and keypoints."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.datasets.base import Dataset, Passport, Split
from harness.errors import BadInput
from harness.priors import load_priors, missing_priors
from harness.priors.parsing import derive_parsing

NAMES = ("0001_c1s1_000001_00.jpg", "0001_c2s1_000002_00.jpg.jpg", "0002_c1s1_000003_00.jpg")


def _standing() -> np.ndarray:
    """A person facing the viewer: shoulders at a quarter of the height, hips at a half, left leg on the right."""
    keypoints = np.zeros((17, 3), np.float32)
    keypoints[:, 2] = 1
    keypoints[:5, :2] = (0.5, 0.1)
    for left, x, y in ((5, 0.7, 0.25), (11, 0.6, 0.5), (13, 0.6, 0.7), (15, 0.6, 0.95)):
        keypoints[left, :2] = (x, y)
        keypoints[left + 1, :2] = (1 - x, y)
    return keypoints


def _arrays(count: int = 3) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(count)
    masks = generator.random((count, 64, 32)) < 0.7
    keypoints = _standing() + generator.normal(0, 0.02, (count, 17, 3)) * (1, 1, 0)
    return {
        "names": np.array(NAMES[:count]),
        "keypoints": keypoints.astype(np.float16),
        "presence": np.ones(count, np.float16),
        "mask": np.packbits(masks.reshape(count, -1), axis=1),
    }


def _dataset(root: Path, dataset_id: str = "market1501", embedded: bool = False) -> Dataset:
    def split(folder: str, rows: list[int]) -> Split:
        numbers = np.arange(len(rows))
        return Split(tuple(f"{folder}/{NAMES[row]}" for row in rows), numbers, numbers)

    train, query, gallery = (
        split("bounding_box_train", [2, 0]),
        split("query", [1]),
        split("bounding_box_test", [0, 1, 2]),
    )
    return Dataset(dataset_id, root, train, query, gallery, Passport(dataset_id, "", "", {}), embedded=embedded)


def _save(data_root: Path, arrays: dict[str, np.ndarray], words: tuple[str, ...] = ("train", "query", "test")) -> None:
    (data_root / "priors").mkdir(exist_ok=True)
    for word in words:
        np.savez_compressed(data_root / "priors" / f"market1501_{word}_priors.npz", **arrays)


def test_rows_follow_the_split_not_the_file(tmp_path):
    arrays = _arrays()
    _save(tmp_path, arrays)
    priors = load_priors(_dataset(tmp_path), "train", ["keypoints", "segmentation"], tmp_path)
    np.testing.assert_array_equal(priors.arrays["keypoints"], arrays["keypoints"][[2, 0]].astype(np.float32))
    assert priors.arrays["keypoints"].dtype == np.float32
    for row, stored in enumerate((2, 0)):
        for y in (0, 17, 63):
            for x in (0, 5, 31):
                byte, bit = divmod(y * 32 + x, 8)
                expected = bool(arrays["mask"][stored, byte] >> (7 - bit) & 1)
                assert priors.arrays["segmentation"][row, y, x] == expected


def test_the_gallery_reads_the_test_file_and_names_with_two_suffixes_match(tmp_path):
    _save(tmp_path, _arrays(), words=("test",))
    priors = load_priors(_dataset(tmp_path), "gallery", ["parsing"], tmp_path)
    assert priors.arrays["parsing"].shape == (3, 64, 32)
    assert priors.arrays["parsing"].dtype == np.uint8
    assert priors.provider == "file market1501_test_priors.npz; parsing derived from mask and keypoints"


def test_multiple_query_reads_the_priors_of_the_dataset_it_trains_as(tmp_path):
    _save(tmp_path, _arrays())
    data = _dataset(tmp_path, "market1501_multi_query")
    assert len(load_priors(data, "query", ["keypoints"], tmp_path).arrays["keypoints"]) == 1


def test_a_parsing_in_the_file_is_taken_as_it_is(tmp_path):
    parsing = np.random.default_rng(1).integers(0, 5, (3, 64, 32)).astype(np.uint8)
    _save(tmp_path, _arrays() | {"parsing": parsing})
    priors = load_priors(_dataset(tmp_path), "train", ["parsing"], tmp_path)
    np.testing.assert_array_equal(priors.arrays["parsing"], parsing[[2, 0]])
    assert priors.provider == "file market1501_train_priors.npz"


def test_the_embedded_dataset_brings_its_own_truth(tmp_path):
    parsing = np.full((3, 64, 32), 2, np.uint8)
    np.savez(tmp_path / "priors_train.npz", **_arrays(), parsing=parsing)
    data = _dataset(tmp_path, "synthetic", embedded=True)
    priors = load_priors(data, "train", ["parsing", "segmentation"], tmp_path / "nowhere")
    assert priors.provider == "synthetic truth"
    assert (priors.arrays["parsing"] == 2).all()
    assert missing_priors("synthetic", ["parsing", "keypoints"], tmp_path / "nowhere") is None


def test_truth_that_is_gone_from_an_embedded_dataset_is_drawn_again_not_computed(tmp_path):
    data = _dataset(tmp_path, "synthetic", embedded=True)
    for _ in range(2):
        with pytest.raises(BadInput, match=rf"priors_train\.npz is missing or damaged; delete {tmp_path} to have it"):
            load_priors(data, "train", ["parsing"], tmp_path / "nowhere")
        (tmp_path / "priors_train.npz").write_bytes(b"damaged")


def test_the_fingerprint_is_that_of_the_rows_read_and_of_their_provider(tmp_path):
    arrays = _arrays()
    _save(tmp_path, arrays)
    data = _dataset(tmp_path)
    first = load_priors(data, "train", ["keypoints"], tmp_path).fingerprint
    shuffled = {name: array[[1, 2, 0]] for name, array in arrays.items()}
    _save(tmp_path, shuffled)
    assert load_priors(data, "train", ["keypoints"], tmp_path).fingerprint == first
    assert load_priors(data, "train", ["segmentation"], tmp_path).fingerprint != first
    arrays["keypoints"][2, 0, 0] += 1
    _save(tmp_path, arrays)
    assert load_priors(data, "train", ["keypoints"], tmp_path).fingerprint != first


def test_images_without_priors_are_counted_and_named(tmp_path):
    _save(tmp_path, _arrays(count=1))
    with pytest.raises(BadInput, match=f"no priors for 2 of 3 images \\({NAMES[1]}, {NAMES[2]}\\)"):
        load_priors(_dataset(tmp_path), "gallery", ["keypoints"], tmp_path)


def test_a_missing_file_is_named_before_and_when_loading(tmp_path):
    _save(tmp_path, _arrays(), words=("train",))
    reason = missing_priors("market1501", ["parsing"], tmp_path)
    assert reason is not None
    assert "needs parsing of the query images; put them in" in reason
    assert "market1501_query_priors.npz" in reason
    assert missing_priors("market1501", ["parsing"], tmp_path, splits=["train"]) is None
    assert missing_priors("market1501", [], tmp_path / "nowhere") is None
    with pytest.raises(BadInput, match=r"put them in .*market1501_query_priors\.npz"):
        load_priors(_dataset(tmp_path), "query", ["parsing"], tmp_path)


def test_a_file_without_the_arrays_of_a_kind_is_named_before_and_when_loading(tmp_path):
    arrays = _arrays()
    del arrays["mask"]
    _save(tmp_path, arrays)
    assert missing_priors("market1501", ["keypoints"], tmp_path) is None
    reason = missing_priors("market1501", ["keypoints", "segmentation"], tmp_path)
    assert reason is not None and reason.endswith("has no segmentation; it needs the array(s) mask")
    with pytest.raises(BadInput, match=r"has no parsing; it needs .* parsing or keypoints, mask, presence"):
        load_priors(_dataset(tmp_path), "train", ["parsing"], tmp_path)


def test_a_damaged_file_is_named_before_and_when_loading(tmp_path):
    _save(tmp_path, _arrays())
    file = tmp_path / "priors" / "market1501_train_priors.npz"
    file.write_bytes(file.read_bytes()[:-200])
    reason = missing_priors("market1501", ["keypoints"], tmp_path)
    assert reason is not None and "market1501_train_priors.npz is damaged" in reason
    with pytest.raises(BadInput, match=r"market1501_train_priors\.npz is damaged"):
        load_priors(_dataset(tmp_path), "train", ["keypoints"], tmp_path)


def test_a_flipped_bit_inside_the_file_is_noticed(tmp_path):
    _save(tmp_path, _arrays())
    file = tmp_path / "priors" / "market1501_train_priors.npz"
    with zipfile.ZipFile(file) as archive:
        member = archive.getinfo("mask.npy")
    content = bytearray(file.read_bytes())
    content[member.header_offset + 30 + len(member.filename) + member.compress_size // 2] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(BadInput, match="is damaged"):
        load_priors(_dataset(tmp_path), "train", ["segmentation"], tmp_path)


def test_arrays_of_another_shape_are_refused(tmp_path):
    _save(tmp_path, _arrays() | {"mask": np.zeros((3, 128), np.uint8)})
    with pytest.raises(BadInput, match=r"mask has the shape \(3, 128\), expected \(3, 256\)"):
        load_priors(_dataset(tmp_path), "train", ["segmentation"], tmp_path)


def _moved(keypoints, scale):
    return (keypoints.astype(np.float32) * (scale, scale, 1)).astype(np.float16)


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("keypoints", lambda held: _moved(held, 64), r"keypoints has x, y such as \[\d+.*expected fractions"),
        ("keypoints", lambda held: held * np.float16(np.nan), "keypoints has values that are not finite"),
        ("keypoints", lambda held: held * np.float16((1, 1, 2)), "keypoints has the confidence 2, expected 0 to 1"),
        ("keypoints", lambda held: held.astype(str), "keypoints is an array of <U.*expected floating-point"),
        ("presence", lambda held: held - 2, "presence has the confidence -1, expected 0 to 1"),
        ("mask", lambda held: held.astype(np.int64), "mask is an array of int64 .*packed bits"),
        ("mask", lambda held: held > 0, "mask is an array of bool .*packed bits"),
        ("parsing", lambda held: held + 15, "parsing has the label 15, expected 0 to 4"),
        ("parsing", lambda held: held.astype(np.int16) - 1, "parsing has the label -1, expected 0 to 4"),
        ("parsing", lambda held: held + 0.5, "parsing is an array of float64 .*expected whole numbers"),
        ("names", lambda held: np.array("one"), "names is not a list of texts but an array of <U3 in 0"),
        ("names", lambda held: held.astype(np.bytes_), r"names is not a list of texts but an array of \|S"),
    ],
)
def test_malformed_values_are_refused(tmp_path, name, wrong, words):
    held = _arrays() | {"parsing": np.zeros((3, 64, 32), np.uint8)}
    # A file without part maps: they are derived from all its other arrays.
    _save(tmp_path, {**_arrays(), name: wrong(held[name])})
    with pytest.raises(BadInput, match=rf"market1501_train_priors\.npz: {words}.*; fix it, or move the file away"):
        load_priors(_dataset(tmp_path), "train", ["parsing"], tmp_path)


def test_a_few_joints_far_outside_their_image_are_no_reason_to_refuse_the_file(tmp_path):
    arrays = _arrays()
    arrays["keypoints"][0, :5, :2] = 3
    _save(tmp_path, arrays)
    assert load_priors(_dataset(tmp_path), "train", ["keypoints"], tmp_path).arrays["keypoints"].max() == 3


def test_an_unknown_kind_gets_the_nearest_names(tmp_path):
    with pytest.raises(BadInput, match="unknown prior 'keypoint'; the nearest known: 'keypoints'"):
        missing_priors("market1501", ["keypoint"], tmp_path)
    with pytest.raises(BadInput, match="unknown prior 'keypoint'"):
        load_priors(_dataset(tmp_path), "train", ["keypoint"], tmp_path)


def test_a_standing_person_is_read_from_head_to_legs():
    parsing = derive_parsing(_standing()[None], np.ones((1, 64, 32), bool), np.ones(1))[0]
    assert (parsing[:16] == 1).all(), "above the shoulders, at 16 of 64 rows"
    assert (parsing[16:32] == 2).all(), "down to the hips, at 32 of 64 rows"
    assert (parsing[32:, 16:] == 3).all(), "the left leg of a person who faces the viewer is on the right"
    assert (parsing[32:, :16] == 4).all()


def _naive_parsing(keypoints, mask, presence):
    """The same rule pixel by pixel, with each leg's line sampled densely."""
    labels = np.zeros((64, 32), np.uint8)
    shoulders, hips = keypoints[[5, 6]], keypoints[[11, 12]]
    shoulder_line, hip_line = shoulders[:, 1].mean(), hips[:, 1].mean()
    unsure = presence < 0.5 or min(*shoulders[:, 2], *hips[:, 2]) < 0.5
    if unsure or hip_line <= shoulder_line:
        return labels, np.zeros((64, 32), bool)
    steps = np.linspace(0, 1, 2001)[:, None]
    lines = {}
    for label, (hip, knee, ankle) in {3: (11, 13, 15), 4: (12, 14, 16)}.items():
        joints = keypoints[[hip, knee, ankle], :2] * (32, 64)
        pieces = [joints[i] + steps * (joints[i + 1] - joints[i]) for i in range(2)]
        lines[label] = np.concatenate(pieces)
    close_call = np.zeros((64, 32), bool)
    for row in range(64):
        for column in range(32):
            centre = np.array([column + 0.5, row + 0.5])
            if not mask[row, column]:
                continue
            if centre[1] / 64 < shoulder_line:
                labels[row, column] = 1
            elif centre[1] / 64 < hip_line:
                labels[row, column] = 2
            else:
                left, right = (np.sqrt(((lines[label] - centre) ** 2).sum(axis=1).min()) for label in (3, 4))
                labels[row, column] = 4 if right < left else 3
                close_call[row, column] = abs(left - right) < 0.02
    return labels, close_call


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000))
def test_derived_part_maps_agree_with_the_naive_reading(seed):
    generator = np.random.default_rng(seed)
    keypoints = (_standing() + generator.normal(0, 0.1, (17, 3)) * (1, 1, 0)).astype(np.float32)
    mask = generator.random((64, 32)) < 0.5
    expected, close_call = _naive_parsing(keypoints, mask, 1.0)
    found = derive_parsing(keypoints[None], mask[None], np.ones(1))[0]
    np.testing.assert_array_equal(found[~close_call], expected[~close_call])


@pytest.mark.parametrize("spoil", ["presence", "shoulder", "hip", "upside down"])
def test_an_image_without_a_trustworthy_pose_has_an_empty_part_map_and_spoils_no_other(spoil):
    keypoints = np.stack([_standing(), _standing()])
    presence = np.ones(2)
    if spoil == "presence":
        presence[0] = 0.49
    elif spoil == "shoulder":
        keypoints[0, 6, 2] = 0.3
    elif spoil == "hip":
        keypoints[0, 11, 2] = 0.3
    else:
        keypoints[0, :, 1] = 1 - keypoints[0, :, 1]
    parsing = derive_parsing(keypoints, np.ones((2, 64, 32), bool), presence)
    assert (parsing[0] == 0).all()
    assert (parsing[1] > 0).all()


def test_pixels_off_the_mask_are_background():
    mask = np.zeros((1, 64, 32), bool)
    mask[0, 10:50, 8:24] = True
    parsing = derive_parsing(_standing()[None], mask, np.ones(1))
    np.testing.assert_array_equal(parsing > 0, mask)


REAL_ROOT = Path(os.environ.get("HARNESS_DATA_ROOT", "/nonexistent"))


@pytest.mark.skipif(not (REAL_ROOT / "priors").is_dir(), reason="HARNESS_DATA_ROOT holds no priors")
def test_the_real_priors_of_market_1501_cover_every_image():
    from harness.datasets import market1501

    folder = market1501.find(REAL_ROOT)
    assert folder is not None
    assert missing_priors("market1501", ["parsing", "segmentation", "keypoints"], REAL_ROOT) is None
    data = market1501.load(folder)
    parsing = load_priors(data, "query", ["parsing"], REAL_ROOT).arrays["parsing"]
    empty = (parsing.reshape(len(parsing), -1).max(axis=1) == 0).mean()
    assert empty < 0.05, "the estimator found a person in nearly every query"
