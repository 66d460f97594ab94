"""A damaged file of a results folder is named, counted and shown as damaged, and takes nothing else down."""

import html
import json

import numpy as np
import pytest

from harness import report
from harness.results.record import cell_of, record_digest
from harness.results.store import Store
from harness.run import main
from harness.tables import tables
from tests.records import cell, done_record, failed_record, measured_table

ROWS = ("Narrow", "Wide", "Wide, other feature")
TABLE = ("--table", "toy_table", "--dataset", "market1501", "--profile", "demo", "--device", "cpu")


def not_json(path):
    path.write_text(path.read_text()[:-20])


def changed(path):
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))


def of_older_schema(path):
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 1}))


def without_a_nested_field(path):
    content = json.loads(path.read_text())
    del content["receipt"]["computation"]["precision"]
    path.write_text(json.dumps({**content, "digest": record_digest(content)}))


DAMAGES = {
    not_json: "damaged, not valid JSON",
    changed: "changed since it was written (its digest does not match)",
    of_older_schema: "written in schema 1, this harness reads schema 2",
    without_a_nested_field: "not whole ('receipt.computation.precision' is missing or of another type)",
}
FIX = "delete it and start again; a run that is kept is only evaluated again"


@pytest.fixture
def command(toy_method, market_root, tmp_path, capsys):
    """Runs the command on the results folder; returns exit code and what it printed."""

    def run(*arguments, pages=True):
        folders = ["--data-root", market_root, "--report", tmp_path / "pages"] if pages else []
        code = main([str(argument) for argument in (*arguments, *folders, "--results", tmp_path / "results")])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.fixture
def store(tmp_path):
    """A results folder with a record for each row of the toy table."""
    store = Store(tmp_path / "results")
    for row in ROWS:
        store.write_record(done_record("toy_table", row, "market1501", metrics={"map": 10.0 + len(row)}))
    return store


def wide(store):
    return store.record_path(cell("toy_table", "Wide", "market1501"))


@pytest.fixture(params=DAMAGES, ids=lambda damage: damage.__name__)
def damaged(request, store):
    """The record of row Wide, damaged, and why it cannot be used."""
    request.param(wide(store))
    return wide(store), DAMAGES[request.param]


def test_a_record_of_schema_1_is_refused_in_one_sentence_that_names_file_and_fix(command, store):
    of_older_schema(wide(store))
    code, said = command("--explain", "toy_table-Wide-market1501", pages=False)
    assert code == 2
    assert said == f"error: {wide(store)}: written in schema 1, this harness reads schema 2; {FIX}\n"


def test_status_names_and_counts_it_beside_all_others(command, damaged):
    path, reason = damaged
    code, said = command("--status", pages=False)
    first, counted, named = said.splitlines()
    assert (code, first, counted) == (0, "toy_table on market1501, demo: 2 done", "1 damaged:")
    assert named.startswith(f"  {path}: {reason}")
    code, said = command("--status", "--json", pages=False)
    content = json.loads(said)
    assert (code, content["tables"][0]["cells"]["done"]) == (0, 2)
    (listed,) = content["damaged"]
    assert (listed["file"], listed["table"]) == (str(path), "toy_table")
    assert listed["reason"].startswith(reason)
    assert listed["reason"].endswith(FIX)


@pytest.mark.slow
def test_pages_name_it_on_the_index_and_on_its_table_alone(toy_method, damaged, tmp_path, capsys):
    path, reason = damaged
    folders = ["--results", str(tmp_path / "results"), "--report", str(tmp_path / "pages")]
    assert report.main([*folders, "--table", "toy_table", "--table", "toy_failures"]) == 0
    said = capsys.readouterr().out
    assert f"damaged: {path}: {reason}" in said
    assert "2 records, 1 damaged, " in said
    pages = {page.stem: html.unescape(page.read_text(encoding="utf-8")) for page in (tmp_path / "pages").glob("*.html")}
    listed = f"<code>records/toy_table/{path.name}</code>: {reason}"
    assert {name for name in pages if "1 damaged file" in pages[name]} == {"index", "toy_table"}
    assert listed in pages["index"] and listed in pages["toy_table"]
    assert str(tmp_path) not in pages["index"] + pages["toy_table"]
    assert all(f">{10.0 + len(row):.1f}</button>" in pages["toy_table"] for row in ("Narrow", "Wide, other feature"))


def test_a_dry_run_plans_the_others(command, damaged):
    path, reason = damaged
    code, said = command(*TABLE, "--dry-run")
    assert code == 0
    assert f"damaged  toy_table-Wide-market1501: {path}: {reason}" in said
    assert "4 cells (2 stale, 1 damaged, 1 quoted)" in said
    code, said = command(*TABLE, "--dry-run", "--json")
    states = {planned["row"]: planned["state"] for planned in json.loads(said)["cells"] if planned["run"]}
    assert (code, states) == (0, {"Wide": "damaged", **dict.fromkeys(("Narrow", "Wide, other feature"), "stale")})


def test_why_of_another_cell_does_not_meet_it_and_why_of_its_own_names_it(command, damaged):
    path, reason = damaged
    code, said = command("--why", "toy_table-Narrow-market1501")
    assert (code, str(path) in said) == (0, False)
    assert said.startswith("toy_table-Narrow-market1501 (demo, seed 0): stale: ")
    code, said = command("--why", "toy_table-Wide-market1501", "--profile", "demo")
    assert code == 0
    assert said.startswith(f"toy_table-Wide-market1501 (demo, seed 0): damaged: {path}: {reason}")


def test_a_copy_under_another_name_is_damaged_and_the_record_is_not(command, store, tmp_path):
    copy = wide(store).with_name("Wide (1).json")
    copy.write_bytes(wide(store).read_bytes())
    place = wide(store).relative_to(store.folder)
    reason = f"a record of toy_table-Wide-market1501, whose place is {place}; move it there or delete it"
    _, said = command("--status", pages=False)
    assert said.splitlines() == ["toy_table on market1501, demo: 3 done", "1 damaged:", f"  {copy}: {reason}"]
    report.main(["--results", str(store.folder), "--report", str(tmp_path / "pages"), "--table", "toy_table"])
    index = html.unescape((tmp_path / "pages" / "index.html").read_text(encoding="utf-8"))
    assert f"<code>records/toy_table/Wide (1).json</code>: {reason}" in index
    code, said = command(*TABLE, "--dry-run")
    assert (code, "4 cells (3 stale, 1 quoted)" in said) == (0, True)


@pytest.mark.slow
def test_a_run_names_and_counts_it_and_fails_only_where_its_cell_is_asked_for(command, tmp_path):
    code, said = command(*TABLE)
    assert (code, said.count("damaged")) == (0, 0)
    path = wide(Store(tmp_path / "results"))
    whole = path.read_bytes()
    without_a_nested_field(path)
    reason = f"{path}: {DAMAGES[without_a_nested_field]}; {FIX}"
    code, said = command(*TABLE)
    assert code == 1
    assert f"damaged: toy_table-Wide-market1501: {reason}\n" in said
    assert "0 cells run, 0 failed, 0 blocked, 1 damaged, 2 cached" in said
    assert "1 damaged file" in (tmp_path / "pages" / "toy_table.html").read_text(encoding="utf-8")
    code, said = command(*TABLE, "--row", "Narrow")
    assert code == 0
    assert f"damaged: {reason}\n" in said
    assert "0 cells run, 0 failed, 0 blocked, 1 damaged, 1 cached" in said
    path.unlink()
    code, said = command(*TABLE)
    assert (code, "1 cells run, 0 failed, 0 blocked, 2 cached" in said) == (0, True)
    assert json.loads(path.read_text())["metrics"] == json.loads(whole)["metrics"]


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["{", '{"id": "a run"}'])
def test_a_damaged_run_fails_its_own_cells_and_a_dry_run_names_it(command, tmp_path, damage):
    assert command(*TABLE, "--row", "Narrow")[0] == 0
    store = Store(tmp_path / "results")
    (narrow,) = store.records()
    store.record_path(cell_of(narrow)).unlink()
    manifest = store.run_folder(narrow["run"]) / "run.json"
    manifest.write_text(damage)
    fix = f"delete the folder {manifest.parent} to train it again"
    code, said = command(*TABLE, "--row", "Narrow", "--dry-run")
    assert code == 0
    assert f"run {narrow['run']}  damaged " in said
    assert f"    {manifest}: " in said and fix in said
    code, said = command(*TABLE, "--row", "Narrow", "--dry-run", "--json")
    (planned,) = json.loads(said)["runs"]
    assert (code, planned["state"]) == (0, "damaged")
    assert planned["reason"].endswith(fix)
    code, said = command(*TABLE, "--row", "Narrow")
    assert (code, "0 cells run, 1 failed" in said) == (1, True)
    (failed,) = store.records()
    assert failed["cause"]["message"].endswith(fix)
    assert command("--status", pages=False)[1].splitlines()[0] == "toy_table on market1501, demo: 1 failed"


def test_damaged_counts_and_costs_are_named_on_their_pages_and_on_the_index(tmp_path, capsys):
    store = Store(tmp_path / "results")
    store.write_record(done_record())
    rows = [row.key for row in tables()["mpn_complexity"].rows if row.runs]
    store.write_measured_table(measured_table("mpn_complexity", rows))
    for file in ("datasets/market1501.json", "complexity/pgfl_kd_speed.json"):
        store.path(file).parent.mkdir(exist_ok=True)
        store.path(file).write_text("{}")
    shown = ("pgfl_kd_datasets", "pgfl_kd_speed", "mpn_complexity", "mpn_ablation", "mpn_k")
    folders = ["--results", str(store.folder), "--report", str(tmp_path / "pages")]
    assert report.main([*folders, *(option for table in shown for option in ("--table", table))]) == 0
    capsys.readouterr()
    pages = {page.stem: html.unescape(page.read_text(encoding="utf-8")) for page in (tmp_path / "pages").glob("*.html")}
    counts = "<code>datasets/market1501.json</code>: not whole ('counts' is missing or of another type); delete it and"
    costs = "<code>complexity/pgfl_kd_speed.json</code>: not whole ('git' is missing or of another type); delete it and"
    assert {name for name in pages if counts in pages[name]} == {"index", "pgfl_kd_datasets"}
    assert {name for name in pages if costs in pages[name]} == {"index", "pgfl_kd_speed"}
    assert "2 damaged files" in pages["index"]
    assert "26.66" in pages["mpn_complexity"] and "41.2" in pages["mpn_ablation"]


def test_pages_name_no_path_of_the_machine_where_arrays_are_not_kept_or_damaged(tmp_path):
    store = Store(tmp_path / "results")
    rows = [row.key for row in tables()["mpn_ablation"].rows if row.runs][:3]
    records = [done_record("mpn_ablation", row) for row in rows]
    for record in records:
        store.write_record(record)
    store.write_record(failed_record("mpn_ablation", "MPN"))
    for name in ("strips", "attention", "scores", "features"):
        path = store.path(records[1]["evaluation"]) / f"{name}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"PK\x03\x04 cut off")
    for record in records[:1]:
        path = store.path(record["evaluation"]) / "scores.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, average_precision=np.zeros(3))
    folders = ["--results", str(store.folder), "--report", str(tmp_path / "pages")]
    assert report.main([*folders, "--table", "mpn_ablation"]) == 0
    for page in (tmp_path / "pages").glob("*.html"):
        assert str(tmp_path) not in page.read_text(encoding="utf-8"), page.name
    shown = (tmp_path / "pages" / "mpn_ablation.html").read_text(encoding="utf-8")
    assert f"{records[0]['evaluation']}/strips.npz was not kept; run the cell again" in shown
    assert f"{records[1]['evaluation']}/strips.npz is damaged" in shown
