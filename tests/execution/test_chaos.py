"""A table that is killed at any moment, again and again, ends as if nothing had happened.

About 20 s on a free core: twelve processes, each started at once (tests/processes.py).
"""

from __future__ import annotations

import os
import random
import time
from contextlib import suppress

import pytest

from harness.files.atomic import WRITING
from harness.results.store import Store

TABLE = ("--table", "toy_table", "--dataset", "market1501", "--profile", "demo")
TABLE += ("--device", "cpu", "--precision", "float32")
CHANGES = 16
"""Files written or replaced, at most, before a process is killed; how many is drawn."""


def figures(folder):
    """What must not depend on what happened on the way."""
    return {
        (record["cell"], record["seed"]): (
            record["metrics"],
            record["curves"]["losses"],
            record["receipt"]["weights_sha256"],
            record["receipt"]["evaluation_sha256"],
        )
        for record in Store(folder).records()
    }


def files(folder):
    """What stands in a results folder, with the times at which it changed."""
    found = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            found[path] = path.stat().st_mtime_ns
    return found


def wait_for_changes(count, folder, process):
    """Return once a process has changed so many files: counted and not timed, for fast machines and slow ones."""
    seen = files(folder)
    while count > 0 and process.is_alive():
        time.sleep(0.005)
        now = files(folder)
        count -= len(now.items() - seen.items())
        seen = now


@pytest.mark.slow
def test_ten_kills_at_random_moments_change_no_figure_and_lose_no_record(processes, toy_method, market_root, tmp_path):
    def started(results):
        folders = ("--data-root", market_root, "--results", tmp_path / results)
        folders += ("--report", tmp_path / f"{results}-pages")
        return processes.start(toy_method.parent, tmp_path / f"{results}-said", (*TABLE, *folders))

    undisturbed = started("undisturbed")
    undisturbed.join()
    assert undisturbed.exitcode == 0, (tmp_path / "undisturbed-said").read_text()

    moments = random.Random(9)
    killed = tmp_path / "killed"
    recorded = set()
    for _ in range(10):
        process = started("killed")
        wait_for_changes(moments.randint(1, CHANGES), killed, process)
        time.sleep(moments.uniform(0, 0.02))
        process.kill()
        process.join()
        now = {record["cell"] for record in Store(killed).records()}
        assert now >= recorded, "a record was lost"
        recorded = now
    last = started("killed")
    last.join()
    assert last.exitcode == 0, (tmp_path / "killed-said").read_text()
    assert figures(killed) == figures(tmp_path / "undisturbed")
    assert not list(killed.glob(f"runs/**/{WRITING}*"))
    assert not list(killed.glob("runs/*/checkpoint.pt*"))


def test_what_a_killed_process_left_half_written_is_swept_but_not_what_is_being_written(tmp_path):
    store = Store(tmp_path)
    old, new = (tmp_path / "records" / "some_table" / f"{WRITING}{name}" for name in ("old", "new"))
    for path in (old, new):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    assert store.records() == []
    store.sweep()
    assert (old.exists(), new.exists()) == (False, True)
    (store.run_folder("a") / "evaluation").mkdir(parents=True)
    left = store.run_folder("a") / "evaluation" / f"{WRITING}left"
    left.write_bytes(b"half")
    with store.claim_run("a", waiting=lambda: None):
        assert not left.exists()
