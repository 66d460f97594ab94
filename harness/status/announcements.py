"""Announcements: the cells that commands will run in a results folder, so that others know what is still to come.

``plans/<id>.json`` holds the cells of one command. It goes when the command is done, and stays when the command is
interrupted. A cell is still to come while its record, if it has one, is older than the announcement.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from harness.cell import Cell, Setting
from harness.files.atomic import write_json
from harness.files.hashing import canonical_hash
from harness.recipe import Profile
from harness.results.store import Store

if TYPE_CHECKING:
    from harness.plan.plan import PlannedCell


@contextmanager
def announced(store: Store, cells: Iterable[PlannedCell]) -> Iterator[None]:
    """Announce cells while they are run. They stay announced if the command is interrupted."""
    content = [{**asdict(planned.cell), "runs": [run.id for run in planned.needed_run.lineage]} for planned in cells]
    path = store.folder / "plans" / f"{canonical_hash([socket.gethostname(), os.getpid(), time.time_ns()])}.json"
    if content:
        write_json(path, {"cells": content})
    try:
        yield
    finally:
        if not isinstance(sys.exception(), KeyboardInterrupt):
            path.unlink(missing_ok=True)


def to_come(store: Store, recorded: Mapping[Cell, float]) -> dict[Cell, list[str]]:
    """The announced cells still to come, each with the runs it needs, its own last.

    ``recorded`` holds when the record of a cell was written, by the file system's clock. A damaged announcement is
    ignored.
    """
    found: dict[Cell, list[str]] = {}
    for path in sorted(store.folder.glob("plans/*.json")):
        # A command that ends meanwhile deletes its announcement.
        with suppress(OSError, ValueError, TypeError, KeyError):
            asked = path.stat().st_mtime
            cells = [_announced_cell(**cell) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
            found.update((cell, runs) for cell, runs in cells if recorded.get(cell, 0.0) < asked)
    return found


def _announced_cell(
    table: str, row: str, dataset: str, profile: Profile, seed: int, runs: list[str], settings: list[dict[str, str]]
) -> tuple[Cell, list[str]]:
    """An announced cell and its runs. Raises TypeError or ValueError for content that ``announced`` did not write."""
    names = (table, row, dataset, profile)
    if not isinstance(seed, int) or not all(isinstance(name, str) for name in (*names, *runs)):
        raise TypeError("a name is not text, or the seed no number")
    if not runs:
        raise ValueError("a cell without a run")
    own = tuple(Setting(**each) for each in settings)
    return Cell(table, row, dataset, profile, seed, own), list(runs)
