"""The board: where every cell and training of a results folder stands, told from its files alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal, NamedTuple

from harness.cell import Cell
from harness.errors import BadInput
from harness.results.reading import Damaged
from harness.results.record import cell_of
from harness.results.store import Store
from harness.status.announcements import to_come
from harness.status.trainings import TrainingProgress, trainings_in

CellState = Literal["done", "running", "failed", "pending"]
CELL_STATES: tuple[CellState, ...] = ("done", "running", "failed", "pending")


@dataclass(frozen=True)
class TableState:
    """The cells of one table on one dataset at one profile by state, and the seconds left where they are known."""

    table: str
    dataset: str
    profile: str
    cells: Mapping[CellState, int]
    seconds_left: float | None


@dataclass(frozen=True)
class BoardState:
    """Tables with recorded or announced cells, trainings under way or interrupted, and damaged record files."""

    tables: tuple[TableState, ...]
    runs: tuple[TrainingProgress, ...]
    damaged: tuple[Damaged, ...] = ()

    @property
    def is_stopped(self) -> bool:
        """Whether cells are still to come and no process works on them."""
        pending = any(table.cells["pending"] for table in self.tables)
        return pending and all(run.stage == "interrupted" for run in self.runs)


class _RecordedCell(NamedTuple):
    """A record as remembered: the ``seconds`` of its run (0 where it failed) and when it was ``written``."""

    cell: Cell
    state: CellState
    run: str
    seconds: float
    written: float


class Board:
    """Looks at a results folder again and again, and reads only the records that changed."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._read: dict[Path, _RecordedCell] = {}
        self._damaged: dict[Path, tuple[float, Damaged]] = {}

    def read(self) -> BoardState:
        """The state now."""
        recorded = {each.cell: each for each in self._records()}
        coming = to_come(self.store, {cell: each.written for cell, each in recorded.items()})
        settled = {each.run for cell, each in recorded.items() if cell not in coming}
        # A run that failed was not interrupted.
        runs = [run for run in trainings_in(self.store) if run.stage != "interrupted" or run.run not in settled]
        at_work = {run.run for run in runs if run.stage != "interrupted"}
        states: dict[Cell, CellState] = {cell: each.state for cell, each in recorded.items()}
        states |= {cell: "running" if needed[-1] in at_work else "pending" for cell, needed in coming.items()}
        groups: dict[tuple[str, str, str], list[Cell]] = {}
        for cell in states:
            groups.setdefault((cell.table, cell.dataset, cell.profile), []).append(cell)
        tables = []
        for key, cells in sorted(groups.items()):
            counts = {state: sum(states[cell] == state for cell in cells) for state in CELL_STATES}
            finished = [recorded[cell] for cell in cells if states[cell] == "done"]
            needed = {run for cell in cells for run in coming.get(cell, ())}
            to_train = {run for run in needed if not self._is_trained(run)}
            left = _seconds_left(to_train, finished, runs) if needed else 0.0
            tables.append(TableState(*key, counts, left))
        return BoardState(tuple(tables), tuple(runs), tuple(damaged for _, damaged in self._damaged.values()))

    def _is_trained(self, run: str) -> bool:
        return (self.store.run_folder(run) / "run.json").exists()

    def _records(self) -> Iterable[_RecordedCell]:
        paths = self.store.record_files()
        for gone in (self._read.keys() | self._damaged.keys()) - set(paths):
            self._forget(gone)
        for path in paths:
            try:
                written = path.stat().st_mtime
            except FileNotFoundError:  # Deleted since it was listed.
                self._forget(path)
                continue
            if self._known_since(path) != written:
                self._forget(path)
                self._look_at(path, written)
        return list(self._read.values())

    def _known_since(self, path: Path) -> float | None:
        if path in self._damaged:
            return self._damaged[path][0]
        return self._read[path].written if path in self._read else None

    def _forget(self, path: Path) -> None:
        self._read.pop(path, None)
        self._damaged.pop(path, None)

    def _look_at(self, path: Path, written: float) -> None:
        try:
            record = self.store.read_record_in_place(path)
        except BadInput as error:
            self._damaged[path] = (written, Damaged.by(path, error))
            return
        seconds = record["receipt"]["wall_seconds"] if record["status"] == "done" else 0.0
        self._read[path] = _RecordedCell(cell_of(record), record["status"], record["run"], seconds, written)


def _seconds_left(
    waiting: set[str], finished: Iterable[_RecordedCell], runs: Iterable[TrainingProgress]
) -> float | None:
    """Seconds until the last of these runs is done; None where that cannot be told.

    A run that has not begun is taken to last as long as the median of the table's finished runs, else of those under
    way. As many runs go on side by side as do now. The time of evaluations is not known and left out.
    """
    if not waiting:
        return None
    at_work = {run.run: run for run in runs if run.stage != "interrupted"}
    lasted = list({each.run: each.seconds for each in finished}.values())
    lasted = lasted or [each.training_seconds for each in at_work.values() if each.training_seconds]
    left = [at_work[run].seconds_left if run in at_work else median(lasted) if lasted else None for run in waiting]
    known = [seconds for seconds in left if seconds is not None]
    return max(*known, sum(known) / max(1, len(at_work)), 0.0) if len(known) == len(left) else None
