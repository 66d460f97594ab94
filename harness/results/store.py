"""The results folder: what is written, how it is kept whole, how it is read back.

``records/<table>/*.json`` holds one evaluated cell each, ``runs/<run>/`` a training with its evaluations. A file is
whole or not at all: it is written beside its place, flushed to disk, then renamed.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from harness.errors import BadInput
from harness.files.hashing import canonical_hash

if TYPE_CHECKING:
    from harness.datasets.base import Passport
from harness.files.atomic import sweep, unwritable_error, write_json
from harness.files.hashing import file_digest
from harness.files.names import dataset_stem
from harness.files.writable import write_probe
from harness.results.record import (
    OF_COMPLEXITIES,
    OF_COUNTS,
    OF_EVALUATIONS,
    OF_RUNS,
    REQUIRED,
    SCHEMA,
    STATUSES,
    Record,
    record_digest,
)

ABANDONED_AFTER = 3600
"""Seconds; no file is written for so long, so what is left of one was left by a process that was killed."""


def contact_sheet_path(fingerprint: str) -> str:
    """Where the contact sheet of the embedded dataset with that passport stands, relative to the results folder."""
    return f"datasets/{fingerprint[:16]}.webp"


def record_name(table: str, row: str, dataset: str, profile: str, seed: int) -> str:
    """File name of a cell's record: readable, and unique because it ends in a hash of the exact names.

    File systems take names of 255 bytes, and a dataset that is a user's own folder has a path for a name.
    """
    plain = unicodedata.normalize("NFKD", row).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9]+", "-", f"{plain}-{dataset}-{profile}-seed{seed}").strip("-")
    return f"{slug[:150].strip('-')}-{canonical_hash([table, row, dataset, profile, seed], 8)}.json"


class Store:
    """One results folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def require_writable(self) -> None:
        """Raise Unwritable, naming the folder and the fix, unless a file can be written here."""
        try:
            write_probe(self.folder)
        except OSError as error:
            raise unwritable_error(self.folder, error) from error

    def sweep(self) -> None:
        """Delete what killed processes left half written, on this machine or others on this folder."""
        sweep(self.folder, written_before=time.time() - ABANDONED_AFTER)

    def path(self, relative: str) -> Path:
        """A file named in a record."""
        return self.folder / relative

    def run_folder(self, run: str) -> Path:
        """Where a run keeps its weights, log and evaluations."""
        return self.folder / "runs" / run

    def record_path(self, table: str, row: str, dataset: str, profile: str, seed: int) -> Path:
        """Where the record of a cell stands."""
        return self.folder / "records" / table / record_name(table, row, dataset, profile, seed)

    def write_record(self, record: Record) -> Path:
        """Add the digest and write the record in its place."""
        record = {**record, "schema": SCHEMA}
        record["digest"] = record_digest(record)
        names = (record[key] for key in ("table", "row", "dataset", "profile", "seed"))
        path = self.record_path(*names)
        write_json(path, record)
        return path

    def record(self, table: str, row: str, dataset: str, profile: str, seed: int) -> Record | None:
        """The validated record of a cell, or None where there is none."""
        path = self.record_path(table, row, dataset, profile, seed)
        return read_record(path) if path.exists() else None

    def records(self) -> list[Record]:
        """All validated records, in the order of their files.

        Raises BadInput naming the first that is damaged, or a copy under another name, which is no second seed.
        """
        return [self._in_its_place(path) for path in sorted(self.folder.glob("records/*/*.json"))]

    def _in_its_place(self, path: Path) -> Record:
        record = read_record(path)
        own = self.record_path(*(record[key] for key in ("table", "row", "dataset", "profile", "seed")))
        if path != own:
            raise BadInput(f"{path}: a record of {record['cell']}, whose place is {own}; move it there or delete it")
        return record

    def write_counts(self, passport: Passport) -> None:
        """Keep what is found of a dataset, for tables of datasets."""
        path = self.folder / "datasets" / f"{dataset_stem(passport.dataset)}.json"
        content = {"dataset": passport.dataset, "variant": passport.variant, "fingerprint": passport.fingerprint}
        write_json(path, {**content, "counts": dict(passport.counts)})

    def counts(self) -> dict[str, Record]:
        """What was kept of each dataset by its id. Raises BadInput naming a damaged file."""
        mend = "delete it and run the table of datasets again"
        kept = [_read_json(path, mend, OF_COUNTS) for path in sorted(self.folder.glob("datasets/*.json"))]
        return {record["dataset"]: record for record in kept}

    def write_complexity(self, table: str, measured: Record) -> None:
        """Keep what the rows of a table of complexity cost beside each other."""
        write_json(self.folder / "complexity" / f"{table}.json", {**measured, "table": table})

    def complexities(self) -> dict[str, Record]:
        """What was kept of each table of complexity by its id. Raises BadInput naming a damaged file."""
        mend = "delete it and run the table again"
        kept = [_read_json(path, mend, OF_COMPLEXITIES) for path in sorted(self.folder.glob("complexity/*.json"))]
        return {record["table"]: record for record in kept}

    def run_manifest(self, run: str) -> Record | None:
        """What a finished training wrote about itself, or None where it did not finish.

        Raises BadInput naming a damaged file.
        """
        path = self.run_folder(run) / "run.json"
        if not path.exists():
            return None
        manifest = _read_json(path, f"delete the folder {path.parent} to train it again", OF_RUNS)
        weights = path.parent / "weights.pt"
        return manifest if weights.exists() else None

    def trained_weights(self, run: str, manifest: Record) -> Path:
        """The file of a finished training's weights. Raises BadInput where it is not what was written then."""
        path = self.run_folder(run) / "weights.pt"
        if file_digest(path) != manifest["weights_sha256"]:
            raise BadInput(f"{path}: changed since it was trained; delete the folder {path.parent} to train it again")
        return path

    def evaluation(self, relative: str) -> Record | None:
        """What an evaluation wrote about itself, or None where it did not finish.

        Raises BadInput naming a damaged file.
        """
        path = self.folder / relative / "evaluation.json"
        if not path.exists():
            return None
        return _read_json(path, f"delete the folder {path.parent} to evaluate again", OF_EVALUATIONS)

    @contextmanager
    def claim_run(self, run: str, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold a run, so that two harnesses on one folder never train it twice; ``waiting`` is told before a wait."""
        folder = self.run_folder(run)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / ".lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                waiting()
                lock.acquire()
        except OSError as error:
            raise unwritable_error(folder, error) from error
        try:
            # Whoever writes here holds the run, so what is half written now stays so.
            sweep(folder, written_before=math.inf)
            yield
        finally:
            lock.release()


def existing(folder: Path, named: str = "--results") -> Store:
    """The store of a folder that is there. Raises BadInput for one that is not or cannot be read, as ``named``."""
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


def read_record(path: Path) -> Record:
    """Read and validate one record. Raises BadInput naming the file and the mend when it is damaged."""
    mend = "delete it and start again; its run is kept, so only the evaluation is repeated"
    record = _read_json(path, mend, REQUIRED)
    if record["schema"] != SCHEMA:
        raise BadInput(f"{path}: written in schema {record['schema']}, this harness reads {SCHEMA}; {mend}")
    if record["status"] not in STATUSES or record["digest"] != record_digest(record):
        raise BadInput(f"{path}: changed since it was written (its digest does not match); {mend}")
    return record


def _read_json(path: Path, mend: str, required: Sequence[str]) -> Record:
    """What stands in a file, which has at least the keys ``required``. Raises BadInput naming the file and the mend."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); make it readable") from error
    except ValueError as error:
        raise BadInput(f"{path}: damaged, not valid JSON ({error}); {mend}") from error
    if not isinstance(content, dict):
        raise BadInput(f"{path}: damaged, not a JSON object; {mend}")
    missing = [key for key in required if key not in content]
    if missing:
        raise BadInput(f"{path}: not a whole record ({missing[0]!r} is missing); {mend}")
    return content
