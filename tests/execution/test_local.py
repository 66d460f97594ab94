"""The same command several times on one results folder: its runs are shared, and its figures are those of one.

The slow tests take about 20 s each on a free core: processes are started at once (tests/processes.py).
"""

from __future__ import annotations

import random
import re
import time
from collections import Counter

import pytest

from harness.execution import local
from harness.results.store import Store
from harness.run import main
from tests.execution.test_chaos import CHANGES, figures, wait_for_changes

TABLE = ("--table", "toy_table", "--dataset", "market1501", "--profile", "demo")
TABLE += ("--device", "cpu", "--precision", "float32")
SEEDS = ("--seed", "0", "--seed", "1", "--seed", "2")
RUNS, CELLS = 2 * 3, 3 * 3


@pytest.fixture
def command(toy_alone, market_root, tmp_path, capsys):
    """Runs the command on the toy in this process; returns exit code and what it said."""

    def run(*arguments):
        folders = ("--data-root", market_root, "--results", tmp_path / "results", "--report", tmp_path / "pages")
        code = main([str(argument) for argument in (*TABLE, *arguments, *folders)])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.fixture
def start(processes, toy_method, market_root, tmp_path):
    """Starts the command on the toy in a process; what it says is in the file ``said``."""

    def started(results, said):
        folders = (
            "--data-root",
            market_root,
            "--results",
            tmp_path / results,
            "--report",
            tmp_path / f"{results}-pages",
        )
        return processes.start(toy_method.parent, tmp_path / said, (*TABLE, *SEEDS, *folders))

    return started


def run_ids(command, tmp_path):
    """The ids of the runs of rows Narrow and Wide, with nothing recorded of them."""
    command("--row", "Narrow", "--row", "Wide")
    store = Store(tmp_path / "results")
    ids = {record["row"]: record["run"] for record in store.records()}
    for path in [*store.record_files(), *(store.manifest_path(run) for run in ids.values())]:
        path.unlink()
    return ids


@pytest.mark.slow
def test_a_run_that_another_process_holds_is_skipped_and_come_back_to(command, tmp_path, monkeypatch):
    held_by_another = Store(tmp_path / "results").hold_run(run_ids(command, tmp_path)["Wide"])
    held_by_another.__enter__()
    looks = []

    def another_ends(seconds):
        looks.append(seconds)
        if len(looks) == 2:
            held_by_another.__exit__(None, None, None)

    monkeypatch.setattr(local.time, "sleep", another_ends)
    code, said = command()
    assert (code, len(looks)) == (0, 2)
    assert said.count("other workers have the 1 runs that are left; waiting for them") == 1
    assert re.search(r"✓ toy_table-Narrow-market1501.*waiting for them.*✓ toy_table-Wide-market1501", said, re.DOTALL)


@pytest.mark.slow
def test_a_run_whose_start_another_process_trains_waits_for_it(command, tmp_path, monkeypatch):
    ids = run_ids(command, tmp_path)
    manifest = Store(tmp_path / "results").manifest_path(ids["Narrow"])
    held_by_another = Store(tmp_path / "results").hold_run(ids["Narrow"])
    held_by_another.__enter__()

    def another_is_killed(seconds):
        assert not manifest.exists() and not Store(tmp_path / "results").records()
        held_by_another.__exit__(None, None, None)

    monkeypatch.setattr(local.time, "sleep", another_is_killed)
    code, said = command("--row", "Wide")
    assert (code, said.count("epochs")) == (0, 2), "its start is trained here, then itself"
    assert manifest.exists()


def test_a_start_that_fails_fails_the_cells_that_need_it_once(command, toy_method, tmp_path):
    model = toy_method / "model.py"
    model.write_text(model.read_text().replace("loss * 1.0", 'loss * (float("nan") if loss.ndim == 0 else 1)'))
    code, said = command("--row", "Wide", "--row", "Wide, other feature")
    assert (code, "0 cells run, 2 failed" in said) == (1, True)
    assert said.count("epochs") == 1, "the start alone was begun"
    records = Store(tmp_path / "results").records()
    assert {(record["cause"]["kind"], record["cause"]["attempts"]) for record in records} == {("NaN loss", 1)}


def shared(start, folder, tmp_path, kills):
    """Four processes on one folder, of which some are killed. Returns all that they said."""
    moments = random.Random(9)
    workers = [start(folder, f"said-{number}") for number in range(4)]
    for _ in range(kills):
        alive = [worker for worker in workers if worker.is_alive()]
        killed = moments.choice(alive)
        wait_for_changes(moments.randint(1, CHANGES), tmp_path / folder, killed)
        time.sleep(moments.uniform(0, 0.02))
        killed.kill()
        killed.join()
    for worker in workers:
        worker.join()
    said = [(tmp_path / f"said-{number}").read_text() for number in range(4)]
    assert [worker.exitcode for worker in workers].count(0) >= 4 - kills, said
    return "".join(said)


@pytest.fixture
def alone(start, tmp_path):
    """The figures of a single worker."""
    single = start("alone", "said-alone")
    single.join()
    assert single.exitcode == 0, (tmp_path / "said-alone").read_text()
    return figures(tmp_path / "alone")


def epochs_logged(folder):
    """The log of each run, epoch by epoch."""
    return [
        re.findall(r"^epoch (\d+)/3", log.read_text(), re.MULTILINE) for log in sorted(folder.glob("runs/*/log.txt"))
    ]


@pytest.mark.slow
def test_four_workers_train_each_run_once_and_evaluate_each_cell_once(start, alone, tmp_path):
    said = shared(start, "shared", tmp_path, kills=0)
    assert epochs_logged(tmp_path / "shared") == [["1", "2", "3"]] * RUNS
    evaluated = Counter(re.findall(r"evaluating run (\w+) on", said))
    assert (len(evaluated), set(evaluated.values())) == (RUNS, {1})
    assert len(re.findall("^✓", said, re.MULTILINE)) == CELLS
    assert said.count("report: ") == 1, "the last to end writes the pages"
    assert said.count("still works on these tables") == 3
    assert figures(tmp_path / "shared") == alone


@pytest.mark.slow
def test_of_four_workers_three_are_killed_and_the_figures_are_those_of_one(start, alone, tmp_path):
    said = shared(start, "killed", tmp_path, kills=3)
    for logged in epochs_logged(tmp_path / "killed"):
        # A worker killed between checkpoint and log leaves an epoch out; no epoch is trained to its end twice.
        assert logged == sorted(set(logged)), said
    assert figures(tmp_path / "killed") == alone
    assert (tmp_path / "killed-pages" / "toy_table.html").exists()
    assert not list((tmp_path / "killed").glob("runs/*/checkpoint.pt*"))
