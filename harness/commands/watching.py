"""``report --watch``: pages are written anew as records land, and say what is running, until the command is stopped."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

from harness.reporting.live import LiveState, LiveTraining, write_live
from harness.reporting.page_files import page_versions, settle_pages
from harness.results.store import Store
from harness.status.board import Board, BoardState
from harness.status.trainings import TrainingProgress
from harness.status.views import LOOK_EVERY_SECONDS
from harness.tables import Table

Files = Mapping[str, tuple[int, int]]
"""Time and size of every file that pages are made from, by its place in the results folder."""
WATCHED = ("records/*/*.json", "datasets/*.json", "complexity/*.json")


def watch(
    store: Store,
    report: Path,
    tables: Mapping[str, Table],
    write: Callable[[Collection[str]], object],
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Write the pages of a table whenever its records change, until Ctrl-C; then leave all pages as they stay.

    Args:
        store: The results folder.
        report: The folder of the pages.
        tables: The tables whose pages are written.
        write: Writes the live pages of these tables, and the index.
        pause: Waits that many seconds; KeyboardInterrupt from it ends the watch.
    """
    board = Board(store)
    seen: Files = {}
    changed: Collection[str] = list(tables)
    try:
        with suppress(KeyboardInterrupt):
            while True:
                now = files_of(store)
                changed = changed or changed_tables(seen, now, tables)
                if changed:
                    write(changed)
                    pages, seen, changed = page_versions(report), now, ()
                write_live(report, pages, live_state(board.read()), time.time())
                pause(LOOK_EVERY_SECONDS)
    finally:
        settle_pages(report)
        write_live(report, page_versions(report), live_state(board.read()), time.time(), ended=True)


def files_of(store: Store) -> Files:
    """What changes when a record lands, is replaced or is deleted."""
    found = {}
    for pattern in WATCHED:
        for path in store.folder.glob(pattern):
            try:
                facts = path.stat()
            except FileNotFoundError:  # Deleted since it was listed.
                continue
            found[path.relative_to(store.folder).as_posix()] = (facts.st_mtime_ns, facts.st_size)
    return found


def changed_tables(before: Files, now: Files, tables: Mapping[str, Table]) -> list[str]:
    """The tables whose files differ. A record of an unknown table counts for the first: the index names it."""
    changed = [Path(name) for name in before.keys() | now.keys() if before.get(name) != now.get(name)]
    measured = {path.stem for path in changed if path.parts[0] == "complexity"}
    recorded = {path.parts[1] for path in changed if path.parts[0] == "records"}
    counted = any(path.parts[0] == "datasets" for path in changed)
    found = [
        table.id for table in tables.values() if table.id in measured | recorded or (counted and table.prints_counts)
    ]
    return found or (list(tables)[:1] if changed else [])


def live_state(state: BoardState) -> LiveState:
    """The board in the words of the pages."""
    cells: Counter[str] = Counter()
    for table in state.tables:
        cells.update(table.cells)
    left = [table.seconds_left for table in state.tables if table.cells["running"] or table.cells["pending"]]
    known = [seconds for seconds in left if seconds is not None]
    total = max(known) if known and len(known) == len(left) else None
    return LiveState([_training(run) for run in state.runs], dict(cells), total)


def _training(run: TrainingProgress) -> LiveTraining:
    return {
        "method": run.method,
        "dataset": run.dataset,
        "profile": run.profile,
        "seed": run.seed,
        "stage": run.stage,
        "epoch": run.epoch,
        "epochs": run.epochs,
        "seconds_left": run.seconds_left,
    }
