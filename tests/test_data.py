"""``python -m harness.data``: it lists, checks and fetches datasets."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import gdown
import numpy as np
import pytest
from PIL import Image

from harness.data import main
from harness.datasets import DATASETS
from harness.datasets.checking import decoding_error, find_image_files
from harness.errors import BadInput

MINIATURE = {"train_images": 32, "train_ids": 8, "query_images": 6, "query_ids": 6, "gallery_images": 24, "cameras": 2}


@pytest.fixture
def published(monkeypatch):
    """Market-1501, with the counts of its miniature as the published ones."""
    monkeypatch.setitem(DATASETS, "market1501", replace(DATASETS["market1501"], published=MINIATURE))


@pytest.fixture
def command(market_root, capsys):
    """Run the command on the miniature's data root. Returns its exit code, its output and its errors."""

    def run(*arguments):
        code = main([*arguments, "--data-root", str(market_root)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def market(market_root):
    return market_root / "Market-1501-v15.09.15"


def test_list_says_of_every_dataset_whether_it_is_there_and_how_to_get_it(command, market_root):
    code, said, _ = command("list")
    assert code == 0
    lines = said.splitlines()
    place = {line.split()[0]: number for number, line in enumerate(lines) if not line.startswith(" ")}
    assert list(place) == list(DATASETS)
    assert lines[place["market1501"]].split()[1] == "found"
    assert str(market(market_root)) in lines[place["market1501"] + 1]
    assert lines[place["dukemtmc"]].split()[1] == "withdrawn"
    assert "withdrawn by its authors in 2019" in lines[place["dukemtmc"] + 1]
    assert "python -m harness.data fetch cuhk03_detected" in said
    assert "https://github.com/wuancong/SYSU-MM01" in said


def test_list_as_json_holds_the_same(command):
    rows = {row["id"]: row for row in json.loads(command("list", "--json")[1])}
    assert list(rows) == list(DATASETS)
    assert rows["market1501"]["status"] == rows["synthetic"]["status"] == "found"
    assert rows["occluded_duke"]["status"] == "withdrawn" and rows["occluded_duke"]["fetch"] == "no"
    assert rows["synergyreid"]["fetch"] == "yes"


def test_a_withdrawn_dataset_that_the_user_holds_is_found(command, market_root):
    for folder in ("bounding_box_train", "query", "bounding_box_test"):
        (market_root / "DukeMTMC-reID" / folder).mkdir(parents=True)
    rows = {row["id"]: row for row in json.loads(command("list", "--json")[1])}
    assert rows["dukemtmc"]["status"] == "found"
    assert rows["dukemtmc"]["place"].endswith("(withdrawn by its authors)")


def test_check_sets_each_count_beside_the_published(command, published):
    code, said, _ = command("check", "market1501")
    assert code == 0
    for name, count in MINIATURE.items():
        assert f"  {name:20} {count:>10,} {count:>10,}  ✓" in said
    assert "62 of 62 image files decode" in said
    assert "fingerprint " in said


def test_check_goes_on_after_the_first_problem_and_names_both(command, published, market_root):
    shutil.rmtree(market(market_root) / "query")
    cut = sorted((market(market_root) / "bounding_box_test").iterdir())[3]
    cut.write_bytes(cut.read_bytes()[:-200])
    code, said, _ = command("check", "market1501")
    assert code == 1
    assert "lacks the folder(s) query" in said
    assert f"✗ {cut} does not decode: " in said
    assert "bounding_box_train: 32 image files" in said
    assert "55 of 56 image files decode" in said


def test_every_unreadable_image_is_named_though_the_counts_agree(command, published, market_root):
    first, second = sorted((market(market_root) / "bounding_box_train").iterdir())[:2]
    first.write_bytes(b"")
    second.write_bytes(b"not an image at all")
    code, said, _ = command("check", "market1501")
    assert code == 1
    assert f"{first} does not decode: not an image" in said
    assert f"{second} does not decode: not an image" in said
    assert "60 of 62 image files decode" in said


def test_a_count_that_differs_is_marked(command, published, market_root):
    sorted((market(market_root) / "bounding_box_train").iterdir())[0].unlink()
    code, said, _ = command("check", "market1501")
    assert code == 1
    assert f"  {'train_images':20} {31:>10} {32:>10}  ✗" in said
    assert f"  {'train_ids':20} {8:>10} {8:>10}  ✓" in said


def test_every_numbered_split_is_read(command, published, monkeypatch):
    def load_split(folder, number):
        if number == 3:
            raise BadInput("train_visible_3.txt is missing")

    spec = replace(DATASETS["market1501"], splits=4, load_split=load_split)
    monkeypatch.setitem(DATASETS, "market1501", spec)
    code, said, _ = command("check", "market1501")
    assert code == 1
    assert "✗ train_visible_3.txt is missing" in said
    assert f"  {'query_ids':20} {6:>10} {6:>10}  ✓" in said


def test_check_without_an_id_checks_the_datasets_found(command, published, market_root):
    (market(market_root) / "gt_bbox").mkdir()
    code, said, progress = command("check", "--json")
    found = {finding["id"]: finding for finding in json.loads(said)}
    assert set(found) == {"market1501", "market1501_multi_query"}
    assert code == 1, "there are no hand-drawn boxes in their folder"
    assert found["market1501"]["fine"] and found["market1501"]["counts"]["query_ids"] == 6
    assert "gt_bbox" in found["market1501_multi_query"]["problem"]
    assert "decoding market1501" in progress
    assert "decoding market1501_multi_query" not in progress, "the same images are decoded once"


def test_a_dataset_without_published_counts_is_not_called_as_published(command, published, market_root):
    code, _, progress = command("check", "market1501", f"folder:{market(market_root)}")
    assert code == 0
    assert "market1501: as published" in progress
    assert f"folder:{market(market_root)}: every image decodes" in progress


def test_a_dataset_that_is_not_there_does_not_keep_the_next_from_being_checked(command, published):
    code, said, _ = command("check", "msmt17", "market1501")
    assert code == 1
    assert "✗ MSMT17 is not under" in said
    assert "62 of 62 image files decode" in said


def test_bad_input_is_one_sentence_and_exit_code_2(command, market_root, tmp_path, capsys):
    code, _, said = command("check", "market1502")
    assert code == 2
    assert said.startswith("error: unknown dataset 'market1502'; the nearest known: 'market1501'")
    assert main(["check", "--data-root", str(tmp_path / "nowhere")]) == 2
    assert "is not a folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["check", "--data-root", str(tmp_path / "empty")]) == 2
    assert "no dataset is under" in capsys.readouterr().err
    code, _, said = command("fetch", "dukemtmc")
    assert (code, said.count("\n")) == (2, 1)
    assert "withdrawn by its authors" in said
    assert command("fetch", "msmt17")[0] == 2


def test_fetch_leaves_a_dataset_that_is_there_alone(command, monkeypatch):
    monkeypatch.setattr(gdown, "download", lambda **_: pytest.fail("fetched"))
    code, said, _ = command("fetch", "market1501")
    assert code == 0
    assert "nothing to fetch" in said


def test_hidden_files_and_those_that_are_no_images_are_not_decoded(tmp_path):
    for name in (".hidden/a.jpg", "shown/.b.jpg", "shown/c.JPG", "shown/Thumbs.db"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert find_image_files(tmp_path) == [tmp_path / "shown" / "c.JPG"]
    assert decoding_error(tmp_path / "shown" / "c.JPG") == "not an image"
    assert decoding_error(tmp_path / "nowhere.jpg")


def test_priors_of_a_numbered_split_are_made_by_seed(command, published, market_root, monkeypatch, tmp_path):
    spec = DATASETS["market1501"]

    def load_split(folder, number):
        return replace(spec.load(folder), number=number)

    monkeypatch.setitem(DATASETS, "market1501", replace(spec, splits=4, load_split=load_split))
    masks = tmp_path / "masks"
    masks.mkdir()
    for image in (market(market_root) / "query").iterdir():
        Image.new("L", (32, 64)).save(masks / f"{image.stem}.png")
    arguments = ["priors", "market1501", "--split", "query", "--provider", "files", "--masks", str(masks)]
    assert command(*arguments)[0] == command(*arguments, "--seed", "2")[0] == 0
    made = sorted(file.name for file in (market_root / "priors").glob("*.npz"))
    assert made == ["market1501_split1_query_priors.npz", "market1501_split3_query_priors.npz"]


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_an_image_of_more_than_8_bits_a_channel_is_one_that_cannot_be_used(tmp_path, kind):
    Image.fromarray(np.full((8, 4), 1000, kind)).save(tmp_path / "deep.tif")
    Image.fromarray(np.full((8, 4), 100, np.uint8)).save(tmp_path / "plain.tif")
    assert "more than 8 bits per channel" in str(decoding_error(tmp_path / "deep.tif"))
    assert decoding_error(tmp_path / "plain.tif") is None


def test_listing_needs_neither_torch_nor_numpy():
    code = "import sys, harness.data; harness.data.main(['list']); print(sorted({'torch', 'numpy'} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[-1] == "[]"
