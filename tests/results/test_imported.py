"""Records of another's folder: taken over whole or not at all, and verified only as they are."""

import json

import pytest

from harness.errors import BadInput
from harness.results.imported import import_records, imported_records, is_imported, note_verification
from harness.results.record import SCHEMA, record_digest
from harness.results.store import Store
from tests.records import done_record, failed_record


@pytest.fixture
def theirs(tmp_path):
    """Another's results folder, with one evaluated and one failed record."""
    store = Store(tmp_path / "theirs")
    record = done_record()
    store.write_record(record)
    store.write_record(failed_record(row="MT Only"))
    folder = store.path(record["evaluation"])
    folder.mkdir(parents=True)
    for name in ("features", "scores", "strips"):
        (folder / f"{name}.npz").write_bytes(name.encode())
    return store


@pytest.fixture
def ours(tmp_path):
    return Store(tmp_path / "ours")


def test_evaluated_records_come_with_what_they_are_scored_from_and_no_pictures(theirs, ours):
    (record,) = import_records(theirs, ours, "their-lab")
    (imported,) = imported_records(ours)
    assert (imported.name, imported.found.records, imported.found.damaged) == ("their-lab", [record], [])
    kept = sorted(path.name for path in (imported.folder / record["evaluation"]).iterdir())
    assert kept == ["features.npz", "scores.npz"]
    assert ours.records() == []
    assert is_imported(Store(imported.folder)) and not is_imported(ours)


def test_a_record_is_verified_once_it_was_scored_here_and_until_it_changes(theirs, ours):
    (record,) = import_records(theirs, ours, "lab")
    folder = Store(ours.folder / "imported" / "lab")
    assert not next(imported_records(ours)).is_verified(record)
    note_verification(folder, record, agrees=True)
    assert next(imported_records(ours)).is_verified(record)
    changed = {**record, "metrics": {**record["metrics"], "map": 99.0}}
    assert not next(imported_records(ours)).is_verified({**changed, "digest": record_digest(changed)})
    note_verification(folder, record, agrees=False)
    assert not next(imported_records(ours)).is_verified(record)


def altered(store, change):
    (path,) = store.folder.glob("records/mpn_ablation/MPN-synthetic*.json")
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


def test_an_altered_record_is_named_and_nothing_is_imported(theirs, ours):
    path = altered(theirs, lambda content: content["metrics"].update(map=99.0))
    with pytest.raises(BadInput) as error:
        import_records(theirs, ours, "lab")
    assert str(error.value).startswith(f"{path}: changed since it was written")
    assert str(error.value).endswith("nothing was imported")
    assert list(imported_records(ours)) == []


def test_a_schema_that_has_moved_on_is_said_in_one_sentence(theirs, ours):
    path = altered(theirs, lambda content: content.update(schema=SCHEMA + 1))
    with pytest.raises(BadInput) as error:
        import_records(theirs, ours, "lab")
    said = f"{path}: written in schema {SCHEMA + 1}, this harness reads schema {SCHEMA}"
    assert str(error.value).startswith(said) and "\n" not in str(error.value)


def test_an_array_that_is_missing_or_outside_the_folder_is_named(theirs, ours, tmp_path):
    record = done_record()
    (theirs.path(record["evaluation"]) / "scores.npz").unlink()
    with pytest.raises(BadInput, match=r"scores\.npz is not there, so mpn_ablation-MPN-synthetic .* not be verified"):
        import_records(theirs, ours, "lab")
    assert not (ours.folder / "imported" / "lab").exists()
    outside = {**record, "evaluation": "runs/../../secrets"}
    theirs.write_record(outside)
    with pytest.raises(BadInput, match="lies outside runs/"):
        import_records(theirs, ours, "lab")


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "two words"])
def test_a_name_that_is_no_folder_is_refused(theirs, ours, name):
    with pytest.raises(BadInput, match="is no name for a folder here; give letters"):
        import_records(theirs, ours, name)


def test_a_name_that_is_taken_is_refused(theirs, ours):
    import_records(theirs, ours, "lab")
    with pytest.raises(BadInput, match="lab is there already; delete it, or give another name with --as"):
        import_records(theirs, ours, "lab")


def test_a_folder_without_an_evaluated_record_is_named(ours, tmp_path):
    with pytest.raises(BadInput, match=r"holds no evaluated record .*; nothing was imported"):
        import_records(Store(tmp_path), ours, "lab")
