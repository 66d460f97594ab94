"""What commands have been asked to do in a results folder, so that others can tell what is still to come.

``plans/<id>.json`` holds the cells that a command is to run. It goes when the command is done, and stays when that was
interrupted. A cell is still to come while its record, if it has one, is older than the plan.
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
from typing import TYPE_CHECKING, NamedTuple

from harness.files.atomic import write_json
from harness.files.hashing import canonical_hash
from harness.results.store import Store

if TYPE_CHECKING:
    from harness.plan.plan import PlannedCell, Run


class Address(NamedTuple):
    """A cell, by what names its record."""

    table: str
    row: str
    dataset: str
    profile: str
    seed: int


@contextmanager
def announced(store: Store, cells: Iterable[PlannedCell]) -> Iterator[None]:
    """Announce cells that are to be run within it; if that is interrupted they stay announced."""
    content = [{**asdict(planned.cell), "runs": _chain(planned.run)} for planned in cells if planned.run]
    path = store.folder / "plans" / f"{canonical_hash([socket.gethostname(), os.getpid(), time.time_ns()])}.json"
    if content:
        write_json(path, {"cells": content})
    try:
        yield
    finally:
        if not isinstance(sys.exception(), KeyboardInterrupt):
            path.unlink(missing_ok=True)


def to_come(store: Store, recorded: Mapping[Address, float]) -> dict[Address, list[str]]:
    """The runs that each announced cell still to come needs, its own last.

    ``recorded`` is when the record of a cell was written, in seconds of the file system's clock. A damaged announcement
    counts as none.
    """
    found: dict[Address, list[str]] = {}
    for path in sorted(store.folder.glob("plans/*.json")):
        # A command that ends meanwhile takes its announcement away.
        with suppress(OSError, ValueError, TypeError, KeyError):
            asked = path.stat().st_mtime
            cells = [_asked_for(**cell) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
            found.update((address, runs) for address, runs in cells if recorded.get(address, 0.0) < asked)
    return found


def _asked_for(
    table: str, row: str, dataset: str, profile: str, seed: int, runs: list[str]
) -> tuple[Address, list[str]]:
    """An announced cell and its runs. Raises TypeError or ValueError where they are not what ``announced`` writes."""
    names = (table, row, dataset, profile)
    if not isinstance(seed, int) or not all(isinstance(name, str) for name in (*names, *runs)):
        raise TypeError("a name is not text, or the seed no number")
    if not runs:
        raise ValueError("a cell without a run")
    return Address(*names, seed), list(runs)


def _chain(run: Run) -> list[str]:
    return [*(_chain(run.parent) if run.parent else ()), run.id]
