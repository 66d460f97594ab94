"""Workers of one results folder: who they are, and who may not join them."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from harness.cell import Cell
from harness.errors import BadInput
from harness.results.store import Store
from harness.status import announcements
from harness.status.announcements import announced, settings_path
from harness.status.workers import leave, require_locks_between_machines, require_same_runs, workers_on


def a_run(name, parent=None, **settings):
    run = SimpleNamespace(id=name, configuration={"seed": 0, "code": {}, **settings})
    run.lineage = (*(parent.lineage if parent else ()), run)
    return run


def a_cell(row, run):
    return SimpleNamespace(cell=Cell("t", row, "synthetic", "demo", 0), needed_run=run)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def test_a_command_is_a_worker_on_its_cells_and_tables_while_it_works(store):
    one, two = a_cell("A", a_run("one")), a_cell("B", a_run("two"))
    with announced(store, [one], ["costs"]) as announcement:
        (worker,) = workers_on(store, [one.cell, two.cell])
        assert (worker.announcement, worker.host, worker.process) == (announcement, socket.gethostname(), os.getpid())
        assert worker.cells == {one.cell: ["one"]}
        assert workers_on(store, [two.cell]) == []
        assert workers_on(store, [], ["costs"]) == [worker]
    assert workers_on(store, [one.cell]) == []
    assert list((store.folder / "plans").iterdir()) == []


def test_a_command_that_was_killed_is_no_worker_though_its_announcement_stays(store):
    cell = a_cell("A", a_run("one"))
    with pytest.raises(KeyboardInterrupt), announced(store, [cell]):
        raise KeyboardInterrupt
    assert announcements.announcements(store)
    assert workers_on(store, [cell.cell]) == []


def test_workers_come_in_the_order_in_which_they_began(store):
    cell = a_cell("A", a_run("one"))
    with announced(store, [cell]) as first, announced(store, [cell]) as second:
        os.utime(first, (5, 5))
        os.utime(second, (7, 7))
        assert [worker.announcement for worker in workers_on(store, [cell.cell])] == [first, second]


def test_of_the_workers_that_end_the_last_finds_none(store):
    cell = a_cell("A", a_run("one"))
    with announced(store, [cell]) as first, announced(store, [cell]) as second:
        assert [worker.announcement for worker in leave(store, first, [cell.cell])] == [second]
        assert leave(store, second, [cell.cell]) == []


def test_a_worker_with_other_code_or_data_is_refused_and_told_the_difference(store):
    start = a_run("start", passport="0a", code={"m:f": "1"})
    theirs = a_cell("A", a_run("one", start))
    with announced(store, [theirs]):
        (worker,) = workers_on(store, [theirs.cell])
        require_same_runs(worker, [theirs])
        other_start = a_run("other start", passport="0b", code={"m:f": "2"})
        with pytest.raises(BadInput) as refused:
            require_same_runs(worker, [a_cell("B", a_run("two")), a_cell("A", a_run("other", other_start))])
    assert str(refused.value).startswith(
        f"{theirs.cell.id} is run other start here and run start in process {os.getpid()} on {socket.gethostname()}; "
        "from there to here, m:f changed, passport was '0a', now '0b'; give all workers"
    )


def test_settings_that_are_written_otherwise_in_json_are_the_same(store):
    theirs = a_cell("A", a_run("one", steps=(2, 3), passport="0a"))
    with announced(store, [theirs]):
        (worker,) = workers_on(store, [theirs.cell])
        with pytest.raises(BadInput, match=r"from there to here, passport was '0a', now '0b'; give"):
            require_same_runs(worker, [a_cell("A", a_run("other", steps=(2, 3), passport="0b"))])


@pytest.fixture
def far_away(store, monkeypatch):
    """The announcement of a worker on another machine, whose lock cannot be seen here."""
    monkeypatch.setattr(announcements, "BEAT_SECONDS", 0.2)
    path = store.folder / "plans" / "there.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"host": "far away", "process": 1, "cells": [], "measured": ["costs"]}))
    settings_path(path).write_text("{}")
    return path


def test_a_machine_that_lives_and_whose_lock_is_not_seen_is_a_folder_without_locks(store, far_away):
    ended = threading.Event()
    beating = threading.Thread(target=announcements._beat, args=(settings_path(far_away), ended))
    beating.start()
    try:
        with (
            announced(store, [a_cell("A", a_run("one"))]) as here,
            pytest.raises(BadInput, match=f"{store.folder}: locks of far away do not hold on {socket.gethostname()}"),
        ):
            require_locks_between_machines(store, here)
    finally:
        ended.set()
        beating.join()


def test_a_machine_that_is_silent_has_ended(store, far_away):
    with announced(store, [a_cell("A", a_run("one"))]) as here:
        require_locks_between_machines(store, here)
        ago = time.time() - 60
        os.utime(settings_path(far_away), (ago, ago))
        started = time.monotonic()
        require_locks_between_machines(store, here)
    assert time.monotonic() - started < 0.2, "it is not waited for"


def test_a_worker_gives_signs_of_life(store, monkeypatch):
    monkeypatch.setattr(announcements, "BEAT_SECONDS", 0.01)
    with announced(store, [a_cell("A", a_run("one"))]) as here:
        before = settings_path(here).stat().st_mtime_ns
        for _ in range(500):
            if settings_path(here).stat().st_mtime_ns != before:
                break
            time.sleep(0.01)
        assert settings_path(here).stat().st_mtime_ns != before
