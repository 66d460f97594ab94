"""Announcements: the cells that commands will run in a results folder, so that others know what is still to come.

``plans/<id>.json`` holds the cells of one command. It goes when the command is done, and stays when the command is
interrupted. A cell is still to come while its record, if it has one, is older than the announcement.

A command that works holds the lock of its announcement. The settings of the announced runs stand beside it, in
``plans/<id>.runs``: that file is touched every ``BEAT_SECONDS``, which other machines can see.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cell import Cell, Setting
from harness.files.atomic import write_json
from harness.files.hashing import canonical_hash
from harness.recipe import Profile
from harness.results.store import Store

if TYPE_CHECKING:
    from harness.plan.plan import PlannedCell

BEAT_SECONDS = 10.0
"""Seconds between the signs of life of a command."""


@contextmanager
def announced(store: Store, cells: Sequence[PlannedCell], measured: Iterable[str] = ()) -> Iterator[Path | None]:
    """Announce cells, and tables whose costs are ``measured``, while they are worked on; None if there are none.

    Yields the announcement. It stays if the command is interrupted.
    """
    content = [{**asdict(planned.cell), "runs": [run.id for run in planned.needed_run.lineage]} for planned in cells]
    tables = list(measured)
    if not content and not tables:
        yield None
        return
    path = store.folder / "plans" / f"{canonical_hash([socket.gethostname(), os.getpid(), time.time_ns()])}.json"
    runs = {run.id: run.configuration for planned in cells for run in planned.needed_run.lineage}
    write_json(settings_path(path), runs)
    unseen, ended = path.with_suffix(".unseen"), threading.Event()
    write_json(unseen, {"host": socket.gethostname(), "process": os.getpid(), "cells": content, "measured": tables})
    with unseen.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        unseen.rename(path)
        threading.Thread(target=_beat, args=(settings_path(path), ended), daemon=True).start()
        try:
            yield path
        finally:
            ended.set()
            if not isinstance(sys.exception(), KeyboardInterrupt):
                path.unlink(missing_ok=True)
                settings_path(path).unlink(missing_ok=True)


def settings_path(announcement: Path) -> Path:
    """The file beside an announcement with the settings of its runs, by run."""
    return announcement.with_suffix(".runs")


def announcements(store: Store) -> list[Path]:
    """The announcements of a results folder, of commands that work and of interrupted ones."""
    return sorted(store.folder.glob("plans/*.json"))


def to_come(store: Store, recorded: Mapping[Cell, float]) -> dict[Cell, list[str]]:
    """The announced cells still to come, each with the runs it needs, its own last.

    ``recorded`` holds when the record of a cell was written, by the file system's clock. A damaged announcement is
    ignored.
    """
    found: dict[Cell, list[str]] = {}
    for path in announcements(store):
        # A command that ends meanwhile deletes its announcement.
        with suppress(OSError, ValueError, TypeError, KeyError):
            asked = path.stat().st_mtime
            cells = announced_cells(json.loads(path.read_text(encoding="utf-8")))
            found.update((cell, runs) for cell, runs in cells.items() if recorded.get(cell, 0.0) < asked)
    return found


def announced_cells(content: Mapping[str, list[dict[str, object]]]) -> dict[Cell, list[str]]:
    """The cells of an announcement, each with the runs it needs, its own last.

    Raises KeyError, TypeError or ValueError for content that ``announced`` did not write.
    """
    return dict(_announced_cell(**cell) for cell in content["cells"])  # type: ignore[arg-type]


def _announced_cell(
    table: str, row: str, dataset: str, profile: Profile, seed: int, runs: list[str], settings: list[dict[str, str]]
) -> tuple[Cell, list[str]]:
    """An announced cell and its runs."""
    names = (table, row, dataset, profile)
    if not isinstance(seed, int) or not all(isinstance(name, str) for name in (*names, *runs)):
        raise TypeError("a name is not text, or the seed no number")
    if not runs:
        raise ValueError("a cell without a run")
    own = tuple(Setting(**each) for each in settings)
    return Cell(table, row, dataset, profile, seed, own), list(runs)


def _beat(path: Path, ended: threading.Event) -> None:
    while not ended.wait(BEAT_SECONDS):
        # The file system may be away for a moment, and the command may end meanwhile.
        with suppress(OSError):
            os.utime(path)
