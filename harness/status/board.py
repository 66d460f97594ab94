"""Where everything in a results folder stands, told from its files alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal, NamedTuple

from harness.results.store import Store, read_record
from harness.status.announcements import Address, to_come
from harness.status.trainings import TrainingProgress, trainings_in

CellState = Literal["done", "running", "failed", "pending"]
CELL_STATES: tuple[CellState, ...] = ("done", "running", "failed", "pending")


@dataclass(frozen=True)
class TableStanding:
    """The cells of one table on one dataset at one profile, by state, and the time left, where that can be told."""

    table: str
    dataset: str
    profile: str
    cells: Mapping[CellState, int]
    seconds_left: float | None


@dataclass(frozen=True)
class Standing:
    """Every table with recorded or announced cells, and the runs that are under way or were interrupted."""

    tables: tuple[TableStanding, ...]
    runs: tuple[TrainingProgress, ...]

    @property
    def stopped(self) -> bool:
        """Whether there are cells to come and nothing works on them."""
        pending = any(table.cells["pending"] for table in self.tables)
        return pending and all(run.stage == "interrupted" for run in self.runs)


class _Cell(NamedTuple):
    """What is remembered of a record: ``seconds`` that its run took, 0 where it failed; when it was ``written``."""

    address: Address
    state: CellState
    run: str
    seconds: float
    written: float


class Board:
    """Looks at a results folder again and again, reading only what has changed."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._read: dict[Path, _Cell] = {}

    def standing(self) -> Standing:
        """Where everything stands now. Raises BadInput naming the first damaged record."""
        recorded = {cell.address: cell for cell in self._records()}
        coming = to_come(self.store, {address: cell.written for address, cell in recorded.items()})
        settled = {cell.run for address, cell in recorded.items() if address not in coming}
        # What failed was not interrupted.
        runs = [run for run in trainings_in(self.store) if run.stage != "interrupted" or run.run not in settled]
        at_work = {run.run for run in runs if run.stage != "interrupted"}
        states: dict[Address, CellState] = {address: cell.state for address, cell in recorded.items()}
        states |= {address: "running" if needed[-1] in at_work else "pending" for address, needed in coming.items()}
        groups: dict[tuple[str, str, str], list[Address]] = {}
        for address in states:
            groups.setdefault((address.table, address.dataset, address.profile), []).append(address)
        tables = []
        for key, addresses in sorted(groups.items()):
            counts = {state: sum(states[address] == state for address in addresses) for state in CELL_STATES}
            finished = [recorded[address] for address in addresses if states[address] == "done"]
            needed = {run for address in addresses for run in coming.get(address, ())}
            to_train = {run for run in needed if not self._trained(run)}
            left = _seconds_left(to_train, finished, runs) if needed else 0.0
            tables.append(TableStanding(*key, counts, left))
        return Standing(tuple(tables), tuple(runs))

    def _trained(self, run: str) -> bool:
        return (self.store.run_folder(run) / "run.json").exists()

    def _records(self) -> Iterable[_Cell]:
        paths = sorted(self.store.folder.glob("records/*/*.json"))
        for path in paths:
            try:
                written = path.stat().st_mtime
            except FileNotFoundError:  # Deleted since it was listed.
                self._read.pop(path, None)
                continue
            if path not in self._read or self._read[path].written != written:
                self._read[path] = _remembered(path, written)
        return [self._read[path] for path in paths if path in self._read]


def _remembered(path: Path, written: float) -> _Cell:
    record = read_record(path)
    address = Address(*(record[name] for name in Address._fields))
    done = record["status"] == "done"
    seconds = record["receipt"]["wall_seconds"] if done else 0.0
    return _Cell(address, "done" if done else "failed", record["run"], seconds, written)


def _seconds_left(waiting: set[str], finished: Iterable[_Cell], runs: Iterable[TrainingProgress]) -> float | None:
    """Time until the last of these runs is done.

    A run that has not begun is taken to last as long as the table's finished ones did, or those under way will, in the
    median; as many runs go on at once as do now. How long evaluations take is not known.
    """
    if not waiting:
        return None
    at_work = {run.run: run for run in runs if run.stage != "interrupted"}
    lasted = list({cell.run: cell.seconds for cell in finished}.values())
    lasted = lasted or [each.training_seconds for each in at_work.values() if each.training_seconds]
    left = [at_work[run].seconds_left if run in at_work else median(lasted) if lasted else None for run in waiting]
    known = [seconds for seconds in left if seconds is not None]
    return max(*known, sum(known) / max(1, len(at_work)), 0.0) if len(known) == len(left) else None
