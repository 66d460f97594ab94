"""``reid-tables publish`` and ``import``: figures go to another folder, and are scored again there."""

import json

import numpy as np
import pytest
import yaml

from harness import run
from harness.commands.main import main
from harness.results.imported import imported_records
from harness.results.record import record_digest
from harness.results.store import Store

CELL = "toy_table-Narrow-market1501"


@pytest.fixture
def published(tmp_path, toy_alone, market_root):
    """The folder that was published of one trained cell."""
    where = ("--results", str(tmp_path / "results"))
    folders = ("--data-root", str(market_root), *where, "--report", str(tmp_path / "pages"), "--device", "cpu")
    row = ("--table", "toy_table", "--row", "Narrow", "--profile", "demo", "--dataset", "market1501")
    assert run.main([*row, *folders]) == 0
    assert main(["publish", CELL, "--to", str(tmp_path / "published"), "--by", "My lab", *where]) == 0
    return tmp_path / "published"


def test_what_is_published_verifies_where_it_lies_and_after_an_import(published, tmp_path, capsys, monkeypatch):
    (log,) = (json.loads(path.read_text()) for path in published.glob("every_eval_ever/data/*/*/*/*.json"))
    command = log["source_metadata"]["additional_details"]["verify_command"]
    entries = yaml.safe_load((published / ".eval_results" / "market1501.yaml").read_text())
    assert command in entries[0]["notes"]
    monkeypatch.chdir(published)
    capsys.readouterr()
    assert main(command.split()[1:]) == 0
    assert f"✓ {CELL}" in capsys.readouterr().out
    ours = tmp_path / "ours"
    assert main(["import", str(published), "--as", "lab", "--results", str(ours)]) == 0
    assert f"imported, not run here: {CELL}" in capsys.readouterr().out
    (imported,) = imported_records(Store(ours))
    assert not imported.is_verified(imported.found.records[0])
    assert main(["verify", CELL, "--results", str(ours / "imported" / "lab")]) == 0
    (imported,) = imported_records(Store(ours))
    assert imported.is_verified(imported.found.records[0])


def test_a_folder_that_was_altered_fails_to_verify_and_the_place_is_named(published, capsys):
    store = Store(published)
    (record,) = store.records()
    features = store.path(record["evaluation"]) / "features.npz"
    whole = features.read_bytes()
    arrays = dict(np.load(features))
    np.savez(features, **{**arrays, "query": arrays["query"][::-1]})
    capsys.readouterr()
    assert main(["verify", CELL, "--results", str(published)]) == 1
    printed = capsys.readouterr().out
    assert f"{features}: changed since the record was written" in printed
    assert "the stored ranks are not those of the stored features" in printed
    features.write_bytes(whole)
    # Whoever changes a figure can write a digest to it, but no features.
    better = {**record, "metrics": {**record["metrics"], "map": 99.0}}
    store.write_record({**better, "digest": record_digest(better)})
    assert main(["verify", CELL, "--results", str(published)]) == 1
    assert f"{CELL}: map is recorded as 99.0, scored again" in capsys.readouterr().out
    features.unlink()
    assert main(["verify", CELL, "--results", str(published)]) == 1
    assert f"{features}: is gone" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("publish", "toy_table-Wide", "--to", "{to}", "--by", "x"), "unknown recorded cell 'toy_table-Wide'"),
        (("publish", CELL, "--to", "{results}", "--by", "x"), "is the results folder itself; name another folder"),
        (("import", "{to}/none"), "none is not a folder"),
        (("import", "{to}", "--as", "a/b"), "'a/b' is no name for a folder here"),
    ],
)
def test_bad_input_gets_one_sentence_and_exit_code_2(published, tmp_path, capsys, arguments, said):
    capsys.readouterr()
    named = {"to": tmp_path / "elsewhere", "results": tmp_path / "results"}
    if arguments[0] == "import":
        named["to"] = published
    assert main([*(each.format(**named) for each in arguments), "--results", str(tmp_path / "results")]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ") and said in printed and printed.count("\n") == 1
