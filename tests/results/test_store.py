"""A record is whole or not there, and nothing that is damaged is read as a result."""

import errno
import json
import os

import pytest

from harness.errors import BadInput
from harness.files.atomic import write_atomically
from harness.files.hashing import file_digest
from harness.results import store as store_module
from harness.results.frame import records_frame
from harness.results.record import OF_RUNS
from harness.results.store import Store, existing, read_record, record_name


def record(**changes):
    return {
        "cell": "toy_table-Wide-market1501",
        "table": "toy_table",
        "row": "Wide",
        "method": "toy",
        "dataset": "market1501",
        "profile": "demo",
        "seed": 0,
        "status": "done",
        "cause": None,
        "run": "0123456789abcdef",
        "metrics": {"map": 41.25},
        "published": {},
        "verdict": {"word": "not comparable"},
        "receipt": {},
        **changes,
    }


def test_what_is_written_is_read_back(tmp_path):
    store = Store(tmp_path)
    store.write_record(record())
    assert store.record("toy_table", "Wide", "market1501", "demo", 0)["metrics"] == {"map": 41.25}
    assert [each["row"] for each in store.records()] == ["Wide"]
    assert store.record("toy_table", "Wide", "market1501", "demo", 1) is None


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_what_is_written_may_be_read_by_whom_the_user_lets_read(tmp_path, umask):
    before = os.umask(umask)
    try:
        path = Store(tmp_path).write_record(record())
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_copy_of_a_record_is_no_second_seed(tmp_path):
    store = Store(tmp_path)
    path = store.write_record(record())
    copy = path.with_name("conflicting copy.json")
    copy.write_bytes(path.read_bytes())
    with pytest.raises(
        BadInput, match=r"conflicting copy\.json: a record of toy_table-Wide-market1501, whose place is"
    ):
        store.records()


def test_two_different_cells_never_share_a_file():
    names = [
        record_name("t", row, dataset, profile, seed)
        for row in ("MPN", "MPN°", "MPN*", "mpn", "a-b", "a b", "Naïve", "Naive")
        for dataset in ("market1501", "dukemtmc")
        for profile in ("demo", "paper")
        for seed in (0, 1)
    ]
    assert len({name.lower() for name in names}) == len(names)


def test_a_long_path_fits_into_a_file_name_and_stays_its_own():
    names = {record_name("t", "Row", f"folder:/{'a' * 300}/{end}", "demo", 0) for end in "bc"}
    assert len(names) == 2
    assert max(map(len, names)) < 180


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text[: len(text) // 2], "not valid JSON"),
        (lambda text: text.replace("41.25", "91.25"), "changed since it was written"),
        (lambda text: json.dumps({"schema": 1}), "'cell' is missing"),
        (lambda text: text.replace('"schema": 1', '"schema": 99'), "schema 99"),
        (lambda text: "[]", "not a JSON object"),
    ],
)
def test_a_damaged_record_is_named_with_its_mend_and_left_alone(tmp_path, damage, said):
    path = Store(tmp_path).write_record(record())
    path.write_text(damage(path.read_text()))
    before = path.read_bytes()
    with pytest.raises(BadInput) as error:
        Store(tmp_path).records()
    assert said in str(error.value)
    assert str(path) in str(error.value)
    assert "delete it and start again" in str(error.value)
    assert path.read_bytes() == before


def test_a_write_that_breaks_off_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, lambda file: file.write(b"old"))

    def break_off(file):
        file.write(b"half of the n")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        write_atomically(path, break_off)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_full_disk_and_a_folder_that_cannot_be_written_are_said_in_one_sentence(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store_module.os, "fsync", full)
    with pytest.raises(BadInput, match=r"the disk is full; free some space or choose another folder with --results"):
        Store(tmp_path).write_record(record())
    monkeypatch.undo()
    assert Store(tmp_path).records() == []
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"cannot be written .*--results"):
        Store(tmp_path / "file").require_writable()


def test_a_run_without_its_weights_does_not_count_as_trained(tmp_path):
    store = Store(tmp_path)
    folder = store.run_folder("abc")
    folder.mkdir(parents=True)
    manifest = dict.fromkeys(OF_RUNS)
    (folder / "run.json").write_text(json.dumps(manifest))
    assert store.run_manifest("abc") is None
    store.weights_path("abc").write_bytes(b"")
    assert store.run_manifest("abc") == manifest


def test_a_run_is_held_by_one_harness_at_a_time(tmp_path):
    store = Store(tmp_path)
    waits = []
    with store.claim_run("abc", lambda: waits.append("first")):
        other = store_module.FileLock(store.run_folder("abc") / ".lock", timeout=0, is_singleton=False)
        with pytest.raises(store_module.Timeout):
            other.acquire()
    with other:
        pass
    assert waits == []


def test_a_record_that_cannot_be_read_is_not_called_damaged(tmp_path):
    with pytest.raises(
        BadInput, match=r"absent\.json: cannot be read \(No such file or directory\); make it readable$"
    ):
        read_record(tmp_path / "absent.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(BadInput, match=r"folder\.json: cannot be read \(Is a directory\); make it readable$"):
        read_record(tmp_path / "folder.json")


@pytest.mark.parametrize(
    ("place", "read", "said"),
    [
        ("runs/a/run.json", lambda store: store.run_manifest("a"), "'id' is missing.*runs/a to train it again"),
        ("runs/a/d-g/evaluation.json", lambda store: store.evaluation("runs/a/d-g"), "'id' is .*d-g to evaluate again"),
        ("datasets/d.json", lambda store: store.counts(), "'dataset' is missing.*run the table of datasets again"),
        ("complexity/t.json", lambda store: store.complexities(), "'table' is missing.*run the table again"),
    ],
)
def test_json_without_its_keys_is_named_with_its_mend(tmp_path, place, read, said):
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    with pytest.raises(BadInput, match=f"{place}: not a whole record .{said}"):
        read(Store(tmp_path))


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_results_that_are_no_folder_are_named_by_what_named_them(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=rf"^--results {tmp_path / name} is not a folder; run a table first"):
        existing(tmp_path / name)
    with pytest.raises(BadInput, match=rf"^results {tmp_path / name} is not a folder; run a table first"):
        records_frame(tmp_path / name)


def test_a_results_folder_that_may_not_be_read_does_not_pass_for_an_empty_one(tmp_path, monkeypatch):
    def refuse(folder):
        raise PermissionError(errno.EACCES, "Permission denied", folder)

    monkeypatch.setattr(store_module.os, "listdir", refuse)
    with pytest.raises(BadInput, match=r"cannot be read \(Permission denied\); make it readable"):
        existing(tmp_path)


def test_weights_that_are_not_those_written_are_refused_with_the_mend(tmp_path):
    store = Store(tmp_path)
    weights = store.weights_path("a run")
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"as trained")
    manifest = {"weights_sha256": file_digest(weights)}
    assert store.trained_weights("a run", manifest) == weights
    weights.write_bytes(b"as tampered")
    with pytest.raises(BadInput, match=r"changed since it was trained; delete the folder .*a run to train it again"):
        store.trained_weights("a run", manifest)
