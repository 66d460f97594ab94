"""MSMT17: its list files name the images of each split."""

import pytest
from PIL import Image

from harness.datasets import dataset
from harness.errors import BadInput

TRAIN = ["0000/0000_045_12_0303morning_0006_2.jpg", "0000/0000_045_01_0303morning_0007_2.jpg"]
VAL = ["0001/0001_046_03_0303noon_0007_1.jpg"]
QUERY = ["0000/0000_001_15_0113evening_0031_0.jpg"]
GALLERY = ["0000/0000_000_01_0113noon_0030_0.jpg"]


def lines(names):
    return "".join(f"{name} {int(name[:4])}\n" for name in names)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "data" / "MSMT17_V1"
    for place, names in (("train", TRAIN + VAL), ("test", QUERY + GALLERY)):
        for number, name in enumerate(names):
            (folder / place / name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 16), (50 * number, 10, 10)).save(folder / place / name)
    for split, names in (("train", TRAIN), ("val", VAL), ("query", QUERY), ("gallery", GALLERY)):
        (folder / f"list_{split}.txt").write_text(lines(names))
    return folder


def load(root, dataset_id="msmt17"):
    return dataset(dataset_id).load(root)


def test_the_third_field_of_a_name_is_the_camera_of_two_digits(root):
    assert load(root).train.cameras.tolist() == [12, 1, 3]
    assert load(root).query.cameras.tolist() == [15]


def test_test_identities_do_not_become_training_identities(root):
    data = load(root)
    assert data.train.identities.tolist() == [0, 0, 1]
    assert data.query.identities.tolist() == data.gallery.identities.tolist() == [1041]


def test_training_uses_list_val_too_unless_the_other_id_is_chosen(root):
    whole, train_only = load(root), load(root, "msmt17_train_only")
    assert (len(whole.train), len(train_only.train)) == (3, 2)
    assert whole.passport.variant.endswith("(MSMT17_V1, training images of list_train and list_val)")
    assert train_only.passport.variant.endswith("(MSMT17_V1, training images of list_train)")
    assert whole.passport.fingerprint != train_only.passport.fingerprint
    assert dataset("msmt17_train_only").training_id == "msmt17_train_only"
    (root / "list_val.txt").unlink()
    assert len(load(root, "msmt17_train_only").train) == 2


@pytest.mark.parametrize("name", ["list_train.txt", "list_val.txt", "list_query.txt", "list_gallery.txt"])
def test_a_missing_list_is_named(root, name):
    (root / name).unlink()
    with pytest.raises(BadInput, match=f"lacks {name}; take the list files from the original archive"):
        load(root)


@pytest.mark.parametrize(
    "line",
    [
        "0000/0000_045_0303morning_0006_2.jpg 0",
        "0000/0000_045_16_0303morning_0006_2.jpg 0",
        "0000/0000_045_12_0303morning_0006_2.jpg 7",
        "0000/0000_045_12_0303morning_0006_2.jpg",
        "../0000_045_12_0303morning_0006_2.jpg 0",
    ],
    ids=["no camera", "camera 16", "another identity", "no identity", "outside"],
)
def test_a_bad_line_is_shown(root, line):
    (root / "list_train.txt").write_text(lines(TRAIN) + line + "\n")
    with pytest.raises(BadInput, match=r"list_train.txt has 1 line\(s\)") as raised:
        load(root)
    assert line in str(raised.value)


def test_an_empty_list_is_named(root):
    (root / "list_query.txt").write_text("\n")
    with pytest.raises(BadInput, match=r"list_query.txt has 0 line\(s\) and 0 image\(s\)"):
        load(root)


def test_a_list_that_is_no_text_is_named(root):
    (root / "list_query.txt").write_bytes(lines(QUERY).encode() + b"\xff")
    with pytest.raises(BadInput, match=r"list_query\.txt is not text in UTF-8 .*take it from the original archive"):
        load(root)


def test_an_image_that_a_list_names_and_that_is_not_there_is_named(root):
    (root / "test" / GALLERY[0]).unlink()
    with pytest.raises(BadInput, match=f"lacks 1 image.* that list_gallery.txt names: test/{GALLERY[0]}"):
        load(root)


def test_an_image_listed_twice_is_named(root):
    (root / "list_val.txt").write_text(lines(VAL + TRAIN[:1]))
    with pytest.raises(
        BadInput, match=rf"1 train image\(s\) are there twice \(train/{TRAIN[0]} and train/{TRAIN[0]}\)"
    ):
        load(root)


def test_lines_may_end_as_on_windows(root):
    (root / "list_train.txt").write_bytes(lines(TRAIN).replace("\n", "\r\n").encode())
    assert len(load(root).train) == 3
