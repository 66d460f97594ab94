"""Settings of one's own from end to end, on a toy method and a miniature of Market-1501."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness.results.frame import records_frame
from harness.results.store import Store
from harness.run import main

TABLE = ("--table", "toy_table", "--dataset", "market1501", "--profile", "demo", "--row", "Narrow")
TABLE += ("--device", "cpu", "--precision", "float32")
CELL = "toy_table-Narrow-market1501"


@pytest.fixture
def command(toy_alone, market_root, tmp_path, capsys):
    """Runs the command with the miniature's folders; returns exit code, what it printed, and the results store."""

    def run(*arguments):
        folders = ("--data-root", market_root, "--results", tmp_path / "results", "--report", tmp_path / "pages")
        code = main([str(argument) for argument in (*arguments, *folders)])
        said = capsys.readouterr()
        return code, said.out + said.err, Store(tmp_path / "results")

    return run


@pytest.mark.slow
def test_a_sweep_gives_a_run_and_a_record_per_value_beside_the_cell_as_printed(command, tmp_path):
    command(*TABLE)
    code, said, store = command(*TABLE, "--set", "recipe.epochs=1,2")
    assert (code, "2 cells run, 0 failed" in said) == (0, True)
    assert f"{CELL} (not as printed: epochs 2)" in said
    records = {tuple(each["value"] for each in record.get("settings", [])): record for record in store.records()}
    assert records.keys() == {(), ("1",), ("2",)}
    assert len({record["run"] for record in records.values()}) == 3
    assert records[("1",)]["receipt"]["recipe"]["epochs"] == 1
    assert "--set recipe.epochs=1" in records[("1",)]["receipt"]["command"]
    assert sorted(records_frame(store.folder)["settings"]) == ["", "recipe.epochs=1", "recipe.epochs=2"]


def test_a_cell_with_settings_stands_beneath_the_table_without_a_verdict(command, tmp_path):
    _, _, store = command(*TABLE, "--set", "recipe.epochs=1")
    (record,) = store.records()
    assert record["published"] == record["verdict"]["metrics"] == {}
    assert "not as printed: epochs 1" in record["verdict"]["reasons"]
    page = (tmp_path / "pages" / "toy_table.html").read_text()
    beneath = page[page.index("<h2>Not as printed</h2>") :]
    assert "not as printed: epochs 1" in beneath[: beneath.index("</section>")]
    table = page[: page.index("<h2>Not as printed</h2>")]
    assert "not as printed" not in table and "not run: click it for the command" in table


@pytest.mark.slow
def test_settings_that_change_nothing_make_the_cell_as_printed(command):
    command(*TABLE)
    code, said, store = command(*TABLE, "--set", "recipe.epochs=3")
    assert (code, "1 cached" in said, len(store.records())) == (0, True, 1)


def test_commands_on_records_find_a_cell_by_its_settings(command):
    command(*TABLE, "--set", "recipe.epochs=1")
    code, said, _ = command("--verify", CELL, "--set", "recipe.epochs=1")
    assert (code, "every figure agrees" in said and "not as printed: epochs 1" in said) == (0, True)
    code, said, _ = command("--verify", CELL)
    assert (code, "recorded are: not as printed: epochs 1" in said) == (2, True)
    code, said, _ = command("--explain", CELL, "--set", "recipe.epochs=1")
    assert (code, "no figure for settings of your own" in said) == (2, True)
    code, said, _ = command("--why", CELL, "--profile", "demo", "--precision", "float32", "--set", "recipe.epochs=1")
    assert (code, f"{CELL} (not as printed: epochs 1) (demo, seed 0): cached" in said) == (0, True)


def test_a_dry_run_and_the_status_name_cells_with_settings(command):
    command(*TABLE, "--set", "recipe.epochs=1")
    _, said, _ = command(*TABLE, "--dry-run", "--verbose", "--set", "recipe.epochs=1,2")
    assert "cached   " + f"{CELL} (not as printed: epochs 1)" in said and "(not as printed: epochs 2)" in said
    _, said, _ = command("--status")
    assert "toy_table on market1501, demo: 1 done" in said


def test_a_setting_that_no_row_has_is_told_before_anything_runs(command):
    code, said, store = command(*TABLE, "--set", "switches.widht=4")
    assert (code, "nearest known: 'switches.width'" in said, store.folder.exists()) == (2, True, False)


def test_a_failing_run_with_settings_is_recorded_apart(command, toy_alone):
    code, _, store = command(*TABLE, "--set", "switches.breaks=raises")
    (record,) = store.records()
    assert (code, record["status"], record["settings"][0]["value"]) == (1, "failed", "raises")


@pytest.mark.slow
def test_a_file_of_weights_is_counted_digested_and_followed_by_a_start(command, tmp_path):
    _, _, store = command(*TABLE)
    (record,) = store.records()
    weights = load_file(store.weights_path(record["run"]))
    file = tmp_path / "trunk.safetensors"
    save_file({name.removeprefix("trunk."): each for name, each in weights.items() if name.startswith("trunk.")}, file)
    code, said, store = command(*TABLE, "--initial-weights", file)
    assert (code, "starts from weights trunk.safetensors, 7 tensors of the trunk matched" in said) == (0, True)
    (own,) = [each for each in store.records() if each.get("settings")]
    start = own["receipt"]["initialisation"]
    assert (start["kind"], start["file"], start["matched"], len(start["sha256"])) == ("file", file.name, 7, 64)
    assert any(each.startswith("trunk and initialisation differ") for each in own["verdict"]["reasons"])
    assert own["run"] != record["run"]
    before = own["run"]
    save_file({name: each + 1 for name, each in load_file(file).items()}, file)
    _, _, store = command(*TABLE, "--initial-weights", file)
    assert len({each["run"] for each in store.records()} - {before, record["run"]}) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [({"other.weight": torch.zeros(2)}, "does not fit the trunk"), (None, "cannot be read")],
)
def test_a_file_that_is_no_weights_of_the_trunk_is_told(command, tmp_path, content, message):
    file = tmp_path / "w.safetensors"
    if content:
        save_file(content, file)
    code, said, _ = command(*TABLE, "--initial-weights", file)
    assert (code, message in said) == (2, True)
