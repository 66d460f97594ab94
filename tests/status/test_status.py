"""What is told of a results folder while it is worked on, and what a terminal and TensorBoard show."""

import json
import os
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest
from rich.console import Console

from harness.cell import Cell
from harness.errors import BadInput
from harness.machine.hardware import device_name, hardware_facts
from harness.progress import Watch
from harness.results.store import Store
from harness.run import main
from harness.status.announcements import announced
from harness.status.board import Board
from harness.status.trainings import trainings_in, write_progress
from harness.status.views import LiveTables, as_tables, as_text
from tests.records import LOG, done_record, failed_record

EPOCHS = 4


def a_run(name, parent=None):
    run = SimpleNamespace(
        id=name,
        method=SimpleNamespace(id="mpn"),
        dataset="synthetic",
        profile="demo",
        seed=0,
        recipe=SimpleNamespace(epochs=EPOCHS),
        computation=SimpleNamespace(processes=1),
        configuration={"method": "mpn"},
    )
    run.lineage = (*(parent.lineage if parent else ()), run)
    return run


def a_cell(row, run, parent=None):
    return SimpleNamespace(cell=Cell("t", row, "synthetic", "demo", 0), needed_run=a_run(run, parent))


def record(store, row, run, status="done", seconds=100.0):
    done = done_record("t", row, metrics={"map": 70.5, "rank1": 88.0}, wall_seconds=seconds)
    return store.write_record({**(done if status == "done" else failed_record("t", row)), "run": run})


def worked_on(store, run):
    return store.claim_run(run, waiting=lambda: pytest.fail("somebody else works on it"))


def cells(store):
    (table,) = Board(store).read().tables
    return {state: count for state, count in table.cells.items() if count}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def test_a_run_is_trained_while_its_lock_is_held_and_interrupted_after(store):
    with worked_on(store, "one"):
        write_progress(store, a_run("one"), "cpu")
        (begun,) = trainings_in(store)
        assert (begun.stage, begun.epoch, begun.epochs, begun.seconds_left) == ("training", 0, EPOCHS, None)
        write_progress(store, a_run("one"), "cpu", LOG)
        (run,) = trainings_in(store)
    assert (run.run, run.method, run.dataset, run.profile, run.seed) == ("one", "mpn", "synthetic", "demo", 0)
    assert (run.stage, run.epoch, run.images_per_second, run.epoch_seconds) == ("training", 2, 110.0, 11.0)
    assert run.seconds_left == pytest.approx(2 * 11, abs=1.5)
    assert run.host == socket.gethostname()
    assert run.device == device_name(hardware_facts("cpu"))
    assert [each.stage for each in trainings_in(store)] == ["interrupted"]


def test_the_lock_of_another_process_is_seen_and_that_of_a_killed_one_is_not(store):
    write_progress(store, a_run("one"), "cpu", LOG)
    script = (
        "import sys, time; from pathlib import Path; from harness.results.store import Store\n"
        f"with Store(Path({str(store.folder)!r})).claim_run('one', lambda: None): print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert [run.stage for run in trainings_in(store)] == ["training"]
        process.kill()
    assert [run.stage for run in trainings_in(store)] == ["interrupted"]


def test_looking_does_not_look_like_a_sign_of_life(store):
    write_progress(store, a_run("one"), "cpu", LOG)
    lock = store.run_folder("one") / ".lock"
    with worked_on(store, "one"):
        os.utime(lock, (1, 1))
        trainings_in(store)
        assert lock.stat().st_mtime == 1


def test_where_the_locks_of_another_machine_are_not_seen_it_has_the_time_of_some_epochs(store):
    path = store.run_folder("one") / "progress.json"
    write_progress(store, a_run("one"), "cpu", LOG)
    path.write_text(json.dumps({**json.loads(path.read_text()), "host": "far away", "epoch_seconds": 1000.0}))
    ago = path.stat().st_mtime
    for seconds, stage in ((2900, "training"), (3400, "interrupted")):
        os.utime(path, (ago - seconds, ago - seconds))
        assert [run.stage for run in trainings_in(store)] == [stage]


def test_a_trained_run_is_evaluated_while_it_is_held_and_then_of_no_interest(store):
    write_progress(store, a_run("one"), "cpu", LOG)
    (store.run_folder("one") / "run.json").write_text("{}")
    with worked_on(store, "one"):
        assert [(run.stage, run.seconds_left) for run in trainings_in(store)] == [("evaluating", 0)]
    assert trainings_in(store) == []


def test_while_a_run_is_evaluated_no_time_left_is_told(store, capsys):
    with announced(store, [a_cell("A", "one")]), worked_on(store, "one"):
        write_progress(store, a_run("one"), "cpu", LOG)
        (store.run_folder("one") / "run.json").write_text("{}")
        state = Board(store).read()
    assert state.tables[0].seconds_left is None
    first, second = as_text(state)
    assert first == "t on synthetic, demo: 1 running"
    assert "is evaluated" in second
    Console(width=200).print(as_tables(state))
    assert "0 s" not in capsys.readouterr().out


def test_a_training_that_goes_on_keeps_what_was_known_of_it(store):
    write_progress(store, a_run("one"), "cpu", LOG)
    write_progress(store, a_run("one"), "cpu")
    assert [run.epoch for run in trainings_in(store)] == [2]


def test_cells_are_pending_then_running_then_done_and_the_announcement_goes(store):
    with announced(store, [a_cell("A", "one"), a_cell("B", "two")]):
        assert cells(store) == {"pending": 2}
        with worked_on(store, "one"):
            write_progress(store, a_run("one"), "cpu", LOG)
            assert cells(store) == {"running": 1, "pending": 1}
        record(store, "A", "one")
        assert cells(store) == {"done": 1, "pending": 1}
    assert cells(store) == {"done": 1}
    assert not list(store.folder.glob("plans/*"))


@pytest.mark.parametrize("change", [{"epoch": None}, {"epoch_seconds": "long"}, {"host": 1}])
def test_a_damaged_file_of_progress_counts_as_none(store, change):
    path = store.run_folder("one") / "progress.json"
    write_progress(store, a_run("one"), "cpu", LOG)
    whole = json.loads(path.read_text())
    for damaged in ({}, [], {**whole, **change}, {name: whole[name] for name in whole if name not in change}):
        path.write_text(json.dumps(damaged))
        assert trainings_in(store) == []
    write_progress(store, a_run("one"), "cpu")
    assert [run.epoch for run in trainings_in(store)] == [0], "and does not keep the run from being begun"


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        [1],
        {"cells": 1},
        {"cells": [1]},
        {"cells": [{}]},
        {"cells": [{"table": "t", "row": "B", "dataset": "d", "profile": "demo", "seed": 0, "runs": []}]},
        {"cells": [{"table": ["t"], "row": "B", "dataset": "d", "profile": "demo", "seed": 0, "runs": ["one"]}]},
        {"cells": [{"table": "t", "row": "B", "dataset": "d", "profile": "demo", "seed": "0", "runs": ["one"]}]},
    ],
)
def test_a_damaged_announcement_counts_as_none(store, damaged):
    with announced(store, [a_cell("A", "one")]):
        (store.folder / "plans" / "damaged.json").write_text(json.dumps(damaged))
        assert cells(store) == {"pending": 1}


def test_what_is_interrupted_stays_announced(store):
    with pytest.raises(KeyboardInterrupt), announced(store, [a_cell("A", "one")]):
        raise KeyboardInterrupt
    assert cells(store) == {"pending": 1}
    assert Board(store).read().is_stopped
    with pytest.raises(BadInput), announced(store, [a_cell("B", "two")]):
        raise BadInput("no such data")
    assert cells(store) == {"pending": 1}


def test_a_failed_cell_is_pending_when_it_is_asked_for_again(store):
    path = record(store, "A", "one", "failed")
    write_progress(store, a_run("one"), "cpu", LOG)
    assert cells(store) == {"failed": 1}
    assert Board(store).read().runs == (), "it failed; it was not interrupted"
    os.utime(path, (1, 1))
    with announced(store, [a_cell("A", "one")]):
        assert cells(store) == {"pending": 1}
        record(store, "A", "one", "failed")
        assert cells(store) == {"failed": 1}


def test_the_time_left_is_that_of_the_runs_to_come_over_those_that_go_on_at_once(store):
    def left():
        return Board(store).read().tables[0].seconds_left

    with announced(store, [a_cell(row, run) for row, run in zip("ABCD", ("one", "one", "two", "three"), strict=True)]):
        assert left() is None, "nothing is known yet"
        with worked_on(store, "one"):
            write_progress(store, a_run("one"), "cpu", LOG)
            assert left() == pytest.approx(22 + 44 + 44, abs=1.5)
            with worked_on(store, "two"):
                write_progress(store, a_run("two"), "cpu", LOG)
                assert left() == pytest.approx((22 + 22 + 44) / 2, abs=1.5)
        record(store, "A", "one", seconds=100.0)
        record(store, "B", "one", seconds=100.0)
        assert left() == 200.0
    assert left() == 0.0


def test_the_run_that_others_start_from_takes_its_time_too(store):
    started_from = a_run("zero")
    cells = [a_cell("A", "one", started_from), a_cell("B", "two", started_from)]
    with announced(store, cells):
        with worked_on(store, "zero"):
            write_progress(store, started_from, "cpu", LOG)
            state = Board(store).read()
        assert state.tables[0].cells["pending"] == 2
        assert state.tables[0].seconds_left == pytest.approx(22 + 44 + 44, abs=1.5)
        assert not state.is_stopped
        (store.run_folder("zero") / "run.json").write_text("{}")
        with worked_on(store, "one"):
            write_progress(store, a_run("one"), "cpu", LOG)
            assert Board(store).read().tables[0].seconds_left == pytest.approx(22 + 44, abs=1.5)


def test_a_record_is_read_again_only_when_it_changed(store, monkeypatch):
    record(store, "A", "one")
    board = Board(store)
    board.read()
    monkeypatch.setattr(store, "read_record_in_place", lambda path: pytest.fail(f"read {path} again"))
    assert board.read().tables[0].cells["done"] == 1


def test_text_tables_and_json_say_the_same(store, capsys):
    with announced(store, [a_cell("A", "one"), a_cell("B", "two")]), worked_on(store, "one"):
        write_progress(store, a_run("one"), "cpu", LOG)
        record(store, "C", "three")
        state = Board(store).read()
        assert main(["--status", "--results", str(store.folder)]) == 0
        said = capsys.readouterr().out
        assert main(["--status", "--json", "--results", str(store.folder)]) == 0
        content = json.loads(capsys.readouterr().out)
    assert said.splitlines() == list(as_text(state))
    assert said.splitlines()[0].startswith("t on synthetic, demo: 1 done, 1 running, 1 pending; ")
    assert "run one (mpn on synthetic, demo, seed 0) is trained: epoch 2/4 at 110 images/s" in said
    assert content["tables"][0]["cells"] == {"done": 1, "running": 1, "failed": 0, "pending": 1}
    assert content["runs"][0]["epoch"] == 2
    console = Console(width=200)
    console.print(as_tables(state))
    drawn = capsys.readouterr().out
    assert drawn.splitlines()[1].split()[:7] == ["t", "synthetic", "demo", "1", "1", "·", "1"]
    assert {"2/4", "110", "training"} <= set(drawn.splitlines()[3].split())


def test_status_of_a_folder_without_anything_needs_no_torch(tmp_path):
    script = (
        f"import sys; from harness.run import main; main(['--status', '--results', {str(tmp_path)!r}]);"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"no records in {tmp_path}", "False"]


def test_a_terminal_shows_the_live_tables_above_the_bars(store, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    record(store, "A", "one")
    with Watch(3, above=LiveTables(store)) as watch:
        watch.begin("training something", 4)
        watch.advance(2, "  epoch 2/4")
        watch.step("✓ one cell")
    drawn = capsys.readouterr().err
    assert "time left" in drawn
    assert "synthetic" in drawn
    assert "training something" in drawn
    assert "✓ one cell" in drawn
    assert "epoch 2/4" not in drawn, "the bar shows it"


def test_off_a_terminal_there_are_lines_alone(store, capsys):
    record(store, "A", "one")
    with Watch(3, above=LiveTables(store)) as watch:
        watch.begin("training something", 4)
        watch.advance(2, "  epoch 2/4")
        watch.step("✓ one cell")
    assert capsys.readouterr().err.splitlines() == ["training something", "  epoch 2/4", "✓ one cell"]


def test_a_record_that_is_damaged_meanwhile_is_named_and_does_not_end_the_view(store, monkeypatch, capsys):
    monkeypatch.setattr("harness.status.views.LOOK_EVERY_SECONDS", 0.0)
    path = record(store, "A", "one")
    record(store, "B", "two")
    tables = LiveTables(store)
    tables()
    path.write_text("{")
    Console(width=1000).print(tables())
    drawn = capsys.readouterr().out.splitlines()
    assert drawn[1].split()[:4] == ["t", "synthetic", "demo", "1"]
    assert drawn[2] == "1 damaged:"
    assert drawn[3].startswith(f"  {path}: damaged, not valid JSON")
    record(store, "A", "one")
    Console(width=1000).print(tables())
    assert "damaged" not in capsys.readouterr().out


def test_a_record_that_is_deleted_meanwhile_counts_as_none(store, monkeypatch):
    board = Board(store)
    for row in "AB":
        record(store, row, "one")
    board.read()
    gone = record(store, "C", "one")
    listed = sorted(gone.parent.glob("*.json"))
    gone.unlink()
    listed[0].unlink()
    monkeypatch.setattr(type(store.folder), "glob", lambda folder, pattern: listed if "records" in pattern else [])
    assert board.read().tables[0].cells["done"] == 1
