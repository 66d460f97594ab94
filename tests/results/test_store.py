"""A record is whole or not there, and nothing that is damaged is read as a result."""

import errno
import json
import os
from dataclasses import replace

import pytest

from harness.cell import Cell
from harness.datasets.base import Passport
from harness.errors import BadInput
from harness.files.atomic import write_atomically
from harness.files.hashing import file_digest
from harness.results import store as store_module
from harness.results.frame import records_frame
from harness.results.reading import read_record
from harness.results.record import record_digest
from harness.results.store import Store, existing, record_name
from tests.records import done_record, failed_record, manifest, measured_table

WIDE = Cell("toy_table", "Wide", "market1501", "demo", 0)


def record(**metrics):
    return done_record("toy_table", "Wide", "market1501", metrics={"map": 41.25, **metrics})


def test_what_is_written_is_read_back(tmp_path):
    store = Store(tmp_path)
    store.write_record(record())
    failed = failed_record("toy_table", "Narrow")
    store.write_record(failed)
    assert store.record(WIDE) == record()
    assert store.records() == [failed, record()]
    assert store.record(replace(WIDE, seed=1)) is None


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_what_is_written_may_be_read_by_whom_the_user_lets_read(tmp_path, umask):
    before = os.umask(umask)
    try:
        path = Store(tmp_path).write_record(record())
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_copy_of_a_record_is_no_second_seed_and_counts_as_damaged(tmp_path):
    store = Store(tmp_path)
    path = store.write_record(record())
    copy = path.with_name("conflicting copy.json")
    copy.write_bytes(path.read_bytes())
    found = store.find_records()
    assert found.records == [record()]
    ((where, why),) = ((damaged.path, damaged.reason) for damaged in found.damaged)
    place = path.relative_to(tmp_path)
    assert where == copy
    assert why == f"a record of toy_table-Wide-market1501, whose place is {place}; move it there or delete it"


def test_two_different_cells_never_share_a_file():
    names = [
        record_name(Cell("t", row, dataset, profile, seed))
        for row in ("MPN", "MPN°", "MPN*", "mpn", "a-b", "a b", "Naïve", "Naive")
        for dataset in ("market1501", "dukemtmc")
        for profile in ("demo", "paper")
        for seed in (0, 1)
    ]
    assert len({name.lower() for name in names}) == len(names)


def test_a_long_path_fits_into_a_file_name_and_stays_its_own():
    names = {record_name(Cell("t", "Row", f"folder:/{'a' * 300}/{end}", "demo", 0)) for end in "bc"}
    assert len(names) == 2
    assert max(map(len, names)) < 180


def without(path):
    """Damage: a field of the record is taken out, and the digest fits what is left."""

    def damage(text):
        content = json.loads(text)
        *above, name = path.split(".")
        below = content
        for each in above:
            below = below[each]
        del below[name]
        return json.dumps({**content, "digest": record_digest(content)})

    return damage


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text[: len(text) // 2], "damaged, not valid JSON"),
        (lambda text: "\xff", "damaged, not valid JSON"),
        (lambda text: "[]", "damaged, not a JSON object"),
        (lambda text: text.replace("41.25", "91.25"), "changed since it was written (its digest does not match)"),
        (lambda text: text.replace('"done"', "[]"), "changed since it was written"),
        (lambda text: text.replace('"schema": 2', '"schema": 99'), "written in schema 99, this harness reads schema 2"),
        (lambda text: json.dumps({"schema": 1}), "written in schema 1, this harness reads schema 2"),
        (without("schema"), "written in no known schema, this harness reads schema 2"),
        (without("status"), "its status is neither done nor failed"),
        (without("cell"), "not whole ('cell' is missing or of another type)"),
        (without("receipt.passport.official"), "not whole ('receipt.passport.official' is missing or of another type)"),
        (without("cost.latency.matching.gallery"), "('cost.latency.matching.gallery' is missing or of another type)"),
        (without("intervals.map.by_query"), "('intervals.map.by_query' is missing or of another type)"),
    ],
)
def test_a_damaged_record_is_named_with_its_fix_and_left_alone(tmp_path, damage, said):
    store = Store(tmp_path)
    path, other = store.write_record(record()), failed_record("toy_table", "Narrow")
    store.write_record(other)
    path.write_text(damage(path.read_text()), encoding="latin-1")
    before = path.read_bytes()
    found = store.find_records()
    assert found.records == store.records() == [other]
    (damaged,) = found.damaged
    assert said in damaged.reason
    assert damaged.reason.endswith("; delete it and start again; a run that is kept is only evaluated again")
    assert (damaged.table, damaged.sentence) == ("toy_table", f"{path}: {damaged.reason}")
    with pytest.raises(BadInput) as error:
        store.record(WIDE)
    assert str(error.value) == damaged.sentence
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
    (folder / "run.json").write_text(json.dumps(manifest("abc")))
    assert store.run_manifest("abc") is None
    store.weights_path("abc").write_bytes(b"")
    assert store.run_manifest("abc") == manifest("abc")


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


def test_a_run_that_another_process_holds_is_left_alone_and_a_holder_may_claim_again(tmp_path):
    here, there = Store(tmp_path), Store(tmp_path)
    with here.hold_run("abc") as held:
        assert held
        with here.claim_run("abc", waiting=lambda: pytest.fail("waits for itself")):
            pass
        with there.hold_run("abc") as also:
            assert not also
    with there.hold_run("abc") as held:
        assert held


def test_a_record_that_cannot_be_read_is_not_called_damaged(tmp_path):
    with pytest.raises(
        BadInput, match=r"absent\.json: cannot be read \(No such file or directory\); make it readable$"
    ):
        read_record(tmp_path / "absent.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(BadInput, match=r"folder\.json: cannot be read \(Is a directory\); make it readable$"):
        read_record(tmp_path / "folder.json")


@pytest.mark.parametrize(
    ("place", "read", "fix"),
    [
        ("runs/a/run.json", lambda store: store.run_manifest("a"), "delete the folder .*runs/a to train it again"),
        ("runs/a/d-g/evaluation.json", lambda store: store.evaluation("runs/a/d-g"), ".*/d-g to evaluate again"),
    ],
)
def test_a_run_or_an_evaluation_without_its_fields_is_named_with_its_fix(tmp_path, place, read, fix):
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text('{"id": "a"}')
    with pytest.raises(BadInput, match=f"{place}: not whole .'.*' is missing or of another type.; {fix}"):
        read(Store(tmp_path))


@pytest.mark.parametrize("damage", ["{", "[]", "{}", '{"dataset": [], "table": []}'])
def test_damaged_counts_and_tables_of_costs_are_listed_beside_the_good_ones(tmp_path, damage):
    store = Store(tmp_path)
    store.write_counts(Passport("market1501", "official", "f" * 64, {"train_ids": 751}))
    store.write_measured_table(measured_table("mpn_complexity", ["MGN [7]"]))
    for folder in ("datasets", "complexity"):
        (tmp_path / folder / "bad.json").write_text(damage)
    (counts, damaged_counts), (tables, damaged_tables) = store.counts(), store.measured_tables()
    assert (list(counts), list(tables)) == (["market1501"], ["mpn_complexity"])
    assert [each.path.parent.name for each in (*damaged_counts, *damaged_tables)] == ["datasets", "complexity"]
    assert damaged_counts[0].reason.endswith("; delete it and run the table of datasets again")
    assert damaged_tables[0].reason.endswith("; delete it and run the table again")


def test_damaged_runs_are_left_out_where_all_are_asked_for(tmp_path):
    store = Store(tmp_path)
    for run, content in (("a", json.dumps(manifest("a"))), ("b", "{"), ("c", '{"id": "c"}')):
        store.run_folder(run).mkdir(parents=True)
        (store.run_folder(run) / "run.json").write_text(content)
    assert [each["id"] for each in store.run_manifests()] == ["a"]


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
    trained = {**manifest("a run"), "weights_sha256": file_digest(weights)}
    assert store.trained_weights(trained) == weights
    weights.write_bytes(b"as tampered")
    with pytest.raises(BadInput, match=r"changed since it was trained; delete the folder .*a run to train it again"):
        store.trained_weights(trained)
