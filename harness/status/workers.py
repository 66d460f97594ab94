"""Workers: commands that carry out the same cells in one results folder at the same time, on any machine."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from harness.cell import Cell
from harness.errors import BadInput
from harness.files.locks import FIX, is_held
from harness.plan.staleness import changed_settings
from harness.results.record import RunConfiguration
from harness.results.store import LOCK, Store
from harness.status import announcements
from harness.status.announcements import announced_cells, settings_path

if TYPE_CHECKING:
    from harness.plan.plan import PlannedCell

BEATS_MISSED = 3
"""A command that was silent for so many beats has ended."""
SHOWN_DIFFERENCES = 3


@dataclass(frozen=True)
class Worker:
    """A command that works now. ``cells`` names the runs that each cell needs, its own last.

    ``began`` is the time of its announcement by the file system's clock, in nanoseconds since the epoch.
    """

    announcement: Path
    host: str
    process: int
    began: int
    cells: dict[Cell, list[str]]
    measured: frozenset[str]

    @property
    def label(self) -> str:
        """The worker in words."""
        return f"process {self.process} on {self.host}"


def workers_on(store: Store, cells: Collection[Cell], measured: Collection[str] = ()) -> list[Worker]:
    """The workers that carry out one of these cells or measure one of these tables, those that began first first.

    A command that announced itself counts too, where it is still at work.
    """
    found = (_worker(path) for path in announcements.announcements(store) if is_held(path))
    own = set(cells), set(measured)
    sharing = [each for each in found if each and (own[0] & each.cells.keys() or own[1] & each.measured)]
    return sorted(sharing, key=lambda worker: (worker.began, worker.announcement.name))


def leave(store: Store, announcement: Path, cells: Collection[Cell], measured: Collection[str] = ()) -> list[Worker]:
    """End this worker's announcement. Returns the workers that are left: of those that end together, one finds none."""
    # The folder may have been deleted, to forget what was interrupted.
    announcement.parent.mkdir(exist_ok=True)
    with FileLock(announcement.with_name(LOCK)):
        announcement.unlink(missing_ok=True)
        return workers_on(store, cells, measured)


def require_same_runs(worker: Worker, cells: Sequence[PlannedCell]) -> None:
    """Raise BadInput if another worker makes another run of one of these cells. It says by which settings they differ.

    That worker has another checkout, other data, other initial weights or another device.
    """
    for planned in cells:
        own, theirs = planned.needed_run.lineage, worker.cells.get(planned.cell)
        for run, other in zip(own, theirs or (), strict=False):
            if run.id != other:
                differences = _differences(worker, other, run.configuration)
                raise BadInput(
                    f"{planned.cell.id} is run {run.id} here and run {other} in {worker.label}; from there to here, "
                    f"{differences}; "
                    "give all workers of a results folder the same checkout, data and options, or choose another "
                    "folder with --results"
                )


def require_locks_between_machines(store: Store, announcement: Path) -> None:
    """Raise BadInput if another machine shows signs of life, but its lock cannot be seen here.

    Waits for up to one and a half beats, and only if a command on another machine was alive a moment ago.
    """
    for path in announcements.announcements(store):
        worker = None if is_held(path) else _worker(path)
        if worker is None or worker.host == socket.gethostname():
            continue
        if _beats_on(settings_path(path), announcement.stat().st_mtime) and not is_held(path) and path.exists():
            raise BadInput(f"{store.folder}: locks of {worker.host} do not hold on {socket.gethostname()}; {FIX}")


def _worker(path: Path) -> Worker | None:
    """The worker of an announcement; None for one that ended meanwhile or whose announcement is damaged."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        began, content = path.stat().st_mtime_ns, json.loads(path.read_text(encoding="utf-8"))
        measured = frozenset(content["measured"])
        return Worker(path, content["host"], content["process"], began, announced_cells(content), measured)
    return None


def _differences(worker: Worker, run: str, own: RunConfiguration) -> str:
    try:
        other = json.loads(settings_path(worker.announcement).read_text(encoding="utf-8"))[run]
    except (OSError, ValueError, KeyError):
        return "settings changed that cannot be read"
    # Written and read as the other one's were: JSON has lists only.
    found = changed_settings(other, json.loads(json.dumps(own)))
    more = len(found) - SHOWN_DIFFERENCES
    return ", ".join([*found[:SHOWN_DIFFERENCES], *([f"and {more} more"] if more > 0 else [])])


def _beats_on(path: Path, now: float) -> bool:
    """Whether a file that was touched a moment before ``now`` is touched again."""
    with suppress(OSError):
        last = path.stat().st_mtime
        if now - last > BEATS_MISSED * announcements.BEAT_SECONDS:
            return False
        until = time.monotonic() + 1.5 * announcements.BEAT_SECONDS
        while time.monotonic() < until:
            time.sleep(announcements.BEAT_SECONDS / 20)
            os.listdir(path.parent)  # So that a network file system looks again.
            if path.stat().st_mtime != last:
                return True
    return False
