"""RegDB on miniatures: one dataset per split, both directions, errors of a bad copy, and two splits trained."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from harness.datasets import regdb
from harness.datasets.images import decoded
from harness.errors import BadInput
from harness.evaluation import evaluate
from harness.plan.shelf import Shelf
from harness.recipe import Initialisation, Schedule
from harness.results.store import Store
from harness.run import main
from methods.ddag.recipe import EFFORT

VISIBLE_TO_INFRARED, INFRARED_TO_VISIBLE = regdb.SPECS


def release(data_root, people):
    """Two images per person and modality. Split k trains on half of the people and tests on the others, from 0."""
    folder = data_root / "RegDB"
    (folder / "idx").mkdir(parents=True)
    for modality in ("Visible", "Thermal"):
        for person in range(people):
            (folder / modality / str(person)).mkdir(parents=True)
            for number in range(2):
                colour = (240 * person // people, 100 * number, 200 * (modality == "Visible"))
                Image.new("RGB", (8, 16), colour).save(folder / modality / str(person) / f"{number}.bmp")
    for split in range(1, 11):
        order = np.random.default_rng(split).permutation(people)
        for part, chosen in (("train", order[: people // 2]), ("test", order[people // 2 :])):
            for modality in ("visible", "thermal"):
                lines = [
                    f"{modality.title()}/{person}/{number}.bmp {label}"
                    for label, person in enumerate(chosen)
                    for number in range(2)
                ]
                (folder / "idx" / f"{part}_{modality}_{split}.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def root(tmp_path):
    """Four people: each split trains on two and tests on two, labelled 0 and 1."""
    return release(tmp_path / "data", people=4)


def test_training_takes_both_modalities_and_the_directions_swap_query_and_gallery(root):
    assert VISIBLE_TO_INFRARED.find(root.parent) == root
    forth, back = VISIBLE_TO_INFRARED.load(root), INFRARED_TO_VISIBLE.load(root)
    assert forth.train.names == back.train.names
    assert forth.train.cameras.tolist() == [1] * 4 + [2] * 4
    assert forth.infrared(forth.train).tolist() == [False] * 4 + [True] * 4
    assert forth.query.names == back.gallery.names and forth.gallery.names == back.query.names
    assert not forth.infrared(forth.query).any() and forth.infrared(forth.gallery).all()
    assert INFRARED_TO_VISIBLE.training_id == "regdb_visible_to_infrared"


def test_another_label_or_modality_of_the_same_files_is_another_dataset(root):
    lists = root / "idx"
    visible, thermal = lists / "train_visible_1.txt", lists / "train_thermal_1.txt"
    before = VISIBLE_TO_INFRARED.load(root).passport.fingerprint
    text = visible.read_text()
    visible.write_text(text.replace(" 1\n", " 9\n"))
    assert VISIBLE_TO_INFRARED.load(root).passport.fingerprint != before
    visible.write_text(thermal.read_text())
    thermal.write_text(text)
    assert VISIBLE_TO_INFRARED.load(root).passport.fingerprint != before


def test_each_seed_reads_its_own_split_and_the_splits_differ(root):
    assert [VISIBLE_TO_INFRARED.split_of(seed) for seed in (0, 1, 9, 10)] == [1, 2, 10, 1]
    splits = [VISIBLE_TO_INFRARED.load_split(root, split) for split in range(1, 11)]
    assert VISIBLE_TO_INFRARED.load(root).train.names == splits[0].train.names
    assert [data.number for data in splits] == list(range(1, 11))
    for split, data in enumerate(splits, start=1):
        listed = (root / "idx" / f"test_visible_{split}.txt").read_text().split("\n")
        assert [f"{name} {label}" for name, label in zip(data.query.names, data.query.identities, strict=True)] == [
            line for line in listed if line
        ]
        assert not {name.split("/")[1] for name in data.train.names} & {name.split("/")[1] for name in data.query.names}
    assert len({data.passport.fingerprint for data in splits}) > 1


def test_each_direction_is_decoded_as_its_own(root):
    there, back = VISIBLE_TO_INFRARED.load(root), INFRARED_TO_VISIBLE.load(root)
    assert there.passport.fingerprint != back.passport.fingerprint
    # Both use the same folder of decoded images.
    queries, galleries = decoded(there, "query", 8, 8), decoded(there, "gallery", 8, 8)
    assert np.array_equal(decoded(back, "query", 8, 8), galleries)
    assert np.array_equal(decoded(back, "gallery", 8, 8), queries)
    assert not np.array_equal(queries, galleries)


def test_all_images_of_the_other_modality_are_ranked(root):
    data = VISIBLE_TO_INFRARED.load(root)
    # Each query's own person ranks last: positions 3 and 4 of 4.
    query = np.eye(2, dtype=np.float32)[data.query.identities]
    gallery = -np.eye(2, dtype=np.float32)[data.gallery.identities]
    labels = (data.query.identities, data.gallery.identities, data.query.cameras, data.gallery.cameras)
    metrics = evaluate(query, gallery, *labels, protocol=VISIBLE_TO_INFRARED.protocol)
    assert metrics["map"] == pytest.approx(100 * (1 / 3 + 2 / 4) / 2)
    assert (metrics["rank1"], metrics["rank3"], metrics["minp"]) == (0, 100, 50)


def test_a_miniature_says_how_it_differs(root):
    passport = VISIBLE_TO_INFRARED.load(root).passport
    assert passport.variant.startswith("differs: train_images is 8, published 4,120; train_ids is 2, published 206")
    assert passport.counts["cameras"] == 2


def test_a_missing_list_a_missing_image_and_a_missing_modality_are_named(root):
    (root / "Thermal" / "0" / "1.bmp").unlink()
    with pytest.raises(BadInput, match=r"_thermal_1\.txt names 1 image\(s\) that are not in .*Thermal/0/1\.bmp"):
        VISIBLE_TO_INFRARED.load(root)
    (root / "Thermal").rename(root / "Infrared")
    with pytest.raises(BadInput, match=r"train_thermal_1\.txt names 4 image\(s\) that are not in"):
        VISIBLE_TO_INFRARED.load(root)
    (root / "idx" / "train_visible_1.txt").unlink()
    with pytest.raises(BadInput, match=r"train_visible_1\.txt cannot be read .*RegDB is expected as"):
        VISIBLE_TO_INFRARED.load(root)


@pytest.mark.parametrize("line", ["Visible/0/0.bmp", "Visible/0/0.bmp one", "../Visible/0/0.bmp 1", "/etc/image.bmp 1"])
def test_a_line_that_is_no_path_and_label_is_named(root, line):
    file = root / "idx" / "test_visible_1.txt"
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(BadInput, match=r"test_visible_1\.txt, line 5: .* is not a path in RegDB, a space and a label"):
        VISIBLE_TO_INFRARED.load(root)


def test_a_list_that_is_no_text_is_named(root):
    (root / "idx" / "train_visible_2.txt").write_bytes(b"\xff")
    with pytest.raises(BadInput, match=r"train_visible_2\.txt is not text in UTF-8 .*extract it again"):
        VISIBLE_TO_INFRARED.load_split(root, 2)


def test_an_image_named_twice_and_a_split_that_is_none_are_refused(root):
    file = root / "idx" / "test_visible_1.txt"
    first = file.read_text().split("\n")[0]
    file.write_text(file.read_text() + first + "\n")
    with pytest.raises(BadInput, match=rf"names 1 image\(s\) twice: {first.split()[0]}; leave one line"):
        VISIBLE_TO_INFRARED.load(root)
    with pytest.raises(BadInput, match="RegDB has no split 11; choose one from 1 to 10"):
        VISIBLE_TO_INFRARED.load_split(root, 11)


def test_the_shelf_gives_a_run_the_split_of_its_seed(root):
    shelf = Shelf(root.parent)
    fourth = shelf.dataset(VISIBLE_TO_INFRARED.id, seed=3)
    assert fourth.query.names == VISIBLE_TO_INFRARED.load_split(root, 4).query.names
    assert shelf.dataset(VISIBLE_TO_INFRARED.id, seed=13) is fourth


@pytest.mark.slow
def test_each_split_is_trained_recorded_and_shown_as_one_of_ten(tmp_path, monkeypatch, leave_methods):
    leave_methods("agw", "ddag")
    folder = release(tmp_path / "data", people=16)
    short = replace(
        EFFORT["demo"], size=(32, 16), epochs=1, schedule=Schedule(), initialisation=Initialisation("scratch")
    )
    monkeypatch.setitem(EFFORT, "demo", short)
    table = ("--table", "ddag_regdb", "--dataset", VISIBLE_TO_INFRARED.id, "--profile", "demo")
    places = ("--data-root", tmp_path / "data", "--results", tmp_path / "results", "--report", tmp_path / "pages")
    assert main(list(map(str, (*table, *places, "--device", "cpu", "--seed", 0, "--seed", 1)))) == 0
    store = Store(tmp_path / "results")
    files = list((store.folder / "records" / "ddag_regdb").glob("*.json"))
    records = {record["seed"]: record for record in store.records()}
    assert len(files) == len(records) == len({record["run"] for record in records.values()}) == 2
    for seed, record in records.items():
        passport = VISIBLE_TO_INFRARED.load_split(folder, seed + 1).passport
        assert record["receipt"]["passport"]["fingerprint"] == passport.fingerprint
        assert record["metrics"]["queries"] == 16
    assert records[0]["receipt"]["passport"]["fingerprint"] != records[1]["receipt"]["passport"]["fingerprint"]
    text = (tmp_path / "pages" / "ddag_regdb.html").read_text(encoding="utf-8")
    assert "2 of 10 splits, each a training of its own" in text
