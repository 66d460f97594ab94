"""The results folder: the place of every file, and how it is written and read.

``records/<table>/*.json`` holds one record per cell, ``runs/<run>/`` a training with its evaluations.
"""

from __future__ import annotations

import math
import os
import re
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from harness.cell import Cell
from harness.errors import BadInput
from harness.files.atomic import sweep, unwritable_error, write_json
from harness.files.hashing import canonical_hash, file_digest
from harness.files.locks import require_locks
from harness.files.names import dataset_stem
from harness.files.writable import write_probe
from harness.results.reading import Damaged, read_file, read_record
from harness.results.record import Counts, Evaluation, Manifest, MeasuredTable, Record, cell_of, record_digest

if TYPE_CHECKING:
    from harness.datasets.base import Passport

ABANDONED_AFTER_SECONDS = 3600
"""No file takes this long to write. A killed process left any older half-written file."""
WEIGHTS = "weights.safetensors"
LOCK = ".lock"
"""In the folder of a run: locked by the process that works on it."""


@dataclass(frozen=True)
class FoundRecords:
    """The records of a results folder, in the order of their files, and the files that cannot be used."""

    records: list[Record]
    damaged: list[Damaged]


class Store:
    """One results folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._locks: dict[str, FileLock] = {}

    def require_writable(self) -> None:
        """Raise BadInput, naming the folder and the fix, unless files can be written and locked here."""
        try:
            write_probe(self.folder)
            require_locks(self.folder)
        except OSError as error:
            raise unwritable_error(self.folder, error) from error

    def sweep(self) -> None:
        """Delete the half-written files of killed processes, on this machine or others."""
        sweep(self.folder, written_before=time.time() - ABANDONED_AFTER_SECONDS)

    def path(self, relative: str) -> Path:
        """A file named in a record."""
        return self.folder / relative

    def run_folder(self, run: str) -> Path:
        """The folder of a run: weights, log and evaluations."""
        return self.folder / "runs" / run

    def manifest_path(self, run: str) -> Path:
        """The manifest of a run, written last."""
        return self.run_folder(run) / "run.json"

    def weights_path(self, run: str) -> Path:
        """The final weights of a run."""
        return self.run_folder(run) / WEIGHTS

    def record_path(self, cell: Cell) -> Path:
        """The file of a cell's record."""
        return self.folder / "records" / cell.table / record_name(cell)

    def write_record(self, record: Record) -> Path:
        """Add the digest and write the record in its place."""
        path = self.record_path(cell_of(record))
        write_json(path, {**record, "digest": record_digest(record)})
        return path

    def record(self, cell: Cell) -> Record | None:
        """The record of a cell, or None where there is none. Raises BadInput naming a damaged file."""
        path = self.record_path(cell)
        return read_record(path) if path.exists() else None

    def record_files(self) -> list[Path]:
        """The files of all records, sorted."""
        return sorted(self.folder.glob("records/*/*.json"))

    def records(self) -> list[Record]:
        """All records that can be used, in the order of their files."""
        return self.find_records().records

    def find_records(self) -> FoundRecords:
        """All records, and the files that are damaged, of another schema, or a copy under another name."""
        found = FoundRecords([], [])
        for path in self.record_files():
            try:
                found.records.append(self.read_record_in_place(path))
            except BadInput as error:
                found.damaged.append(Damaged.by(path, error))
        return found

    def read_record_in_place(self, path: Path) -> Record:
        """The record of a file. Raises BadInput if it is damaged, or a copy: a copy is no second seed."""
        record = read_record(path)
        own = self.record_path(cell_of(record))
        if path != own:
            place = own.relative_to(self.folder)
            raise BadInput(f"{path}: a record of {record['cell']}, whose place is {place}; move it there or delete it")
        return record

    def write_counts(self, passport: Passport) -> None:
        """Keep the counts of a dataset, for tables of datasets."""
        counts: Counts = {
            "dataset": passport.dataset,
            "variant": passport.variant,
            "fingerprint": passport.fingerprint,
            "counts": dict(passport.counts),
        }
        write_json(self.folder / "datasets" / f"{dataset_stem(passport.dataset)}.json", counts)

    def counts(self) -> tuple[dict[str, Counts], list[Damaged]]:
        """The counts of each dataset by its id, and the files that are damaged."""
        fix = "delete it and run the table of datasets again"
        found, damaged = _read_all(self.folder.glob("datasets/*.json"), Counts, fix)
        return {each["dataset"]: each for each in found}, damaged

    def write_measured_table(self, measured: MeasuredTable) -> None:
        """Keep the costs of the rows of a table of complexity."""
        write_json(self.folder / "complexity" / f"{measured['table']}.json", measured)

    def measured_tables(self) -> tuple[dict[str, MeasuredTable], list[Damaged]]:
        """The costs of each table of complexity by its id, and the files that are damaged."""
        found, damaged = _read_all(
            self.folder.glob("complexity/*.json"), MeasuredTable, "delete it and run the table again"
        )
        return {each["table"]: each for each in found}, damaged

    def run_manifest(self, run: str) -> Manifest | None:
        """The manifest of a finished training, or None. Raises BadInput naming a damaged file."""
        path = self.manifest_path(run)
        if not path.exists():
            return None
        manifest: Manifest = read_file(path, Manifest, f"delete the folder {path.parent} to train it again")
        return manifest if self.weights_path(run).exists() else None

    def is_trained(self, run: str) -> bool:
        """Whether a run has its manifest and weights, whole or damaged."""
        return self.manifest_path(run).exists() and self.weights_path(run).exists()

    def run_manifests(self) -> list[Manifest]:
        """The manifests of all finished trainings; damaged ones are left out."""
        paths = sorted(self.folder.glob("runs/*/run.json"))
        found, _ = _read_all(paths, Manifest, "delete its folder to train it again")
        return found

    def trained_weights(self, manifest: Manifest) -> Path:
        """The weights of a finished training. Raises BadInput if they changed since."""
        path = self.weights_path(manifest["id"])
        if file_digest(path) != manifest["weights_sha256"]:
            raise BadInput(f"{path}: changed since it was trained; delete the folder {path.parent} to train it again")
        return path

    def evaluation(self, relative: str) -> Evaluation | None:
        """The file of a finished evaluation, or None. Raises BadInput naming a damaged file."""
        path = self.folder / relative / "evaluation.json"
        if not path.exists():
            return None
        evaluation: Evaluation = read_file(path, Evaluation, f"delete the folder {path.parent} to evaluate again")
        return evaluation

    @contextmanager
    def claim_run(self, run: str, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold a run, so that two processes never train it twice. ``waiting`` is called before a wait.

        A process that holds a run already may claim it again.
        """
        with self.hold_run(run) as held:
            if held:
                yield
                return
        waiting()
        with self.hold_run(run, timeout=-1):
            yield

    @contextmanager
    def hold_run(self, run: str, timeout: float = 0) -> Iterator[bool]:
        """Hold a run once no other process does, and yield True; yield False if that takes over ``timeout`` seconds.

        A negative ``timeout`` means to wait however long.
        """
        folder = self.run_folder(run)
        lock = self._locks.setdefault(run, FileLock(folder / LOCK))
        held_before = lock.is_locked
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=timeout)
        except Timeout:
            yield False
            return
        except OSError as error:
            raise unwritable_error(folder, error) from error
        try:
            if not held_before:
                # Only the holder writes here, so a half-written file stays half written.
                sweep(folder, written_before=math.inf)
            yield True
        finally:
            lock.release()


def contact_sheet_path(fingerprint: str) -> str:
    """The contact sheet of the embedded dataset with that passport, relative to the results folder."""
    return f"datasets/{fingerprint[:16]}.webp"


def record_name(cell: Cell) -> str:
    """File name of a cell's record: readable, and unique because it ends in a hash of the exact names.

    File systems take names of 255 bytes, and the name of a user's own folder is a path.
    """
    plain = unicodedata.normalize("NFKD", cell.row).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9]+", "-", f"{plain}-{cell.dataset}-{cell.profile}-seed{cell.seed}").strip("-")
    settings = [[setting.name, setting.value] for setting in cell.settings]
    exact = [cell.table, cell.row, cell.dataset, cell.profile, cell.seed, *([settings] if settings else [])]
    unique = canonical_hash(exact, 8)
    return f"{slug[:150].strip('-')}-{unique}.json"


def existing(folder: Path, named: str = "--results") -> Store:
    """The store of a folder that is there. Raises BadInput if it is not or cannot be read, as ``named``."""
    try:
        # A search for records in a folder that cannot be read would find none.
        os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BadInput(
            f"{named} {folder} is not a folder; run a table first, or name the folder that holds records"
        ) from error
    except OSError as error:
        raise BadInput(f"{named} {folder} cannot be read ({error.strerror}); make it readable") from error
    return Store(folder)


def _read_all(paths: Iterable[Path], kind: type, fix: str) -> tuple[list[Any], list[Damaged]]:
    found, damaged = [], []
    for path in sorted(paths):
        try:
            found.append(read_file(path, kind, fix))
        except BadInput as error:
            damaged.append(Damaged.by(path, error))
    return found, damaged
