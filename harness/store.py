"""The results folder: what is written, how it is kept whole, how it is read back.

``records/<table>/*.json`` holds one evaluated cell each, ``runs/<run>/`` a training with its evaluations. A file is
whole or not at all: it is written beside its place, flushed to disk, then renamed.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import os
import re
import time
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from harness.errors import BadInput, Unwritable
from harness.fingerprint import canonical_hash

if TYPE_CHECKING:
    from harness.datasets.base import Passport

SCHEMA = 1
WRITING = ".writing-"
"""What the name of a file begins with until it is whole."""
ABANDONED_AFTER = 3600
"""Seconds; no file is written for so long, so what is left of one was left by a process that was killed."""
REQUIRED = (
    *("schema", "cell", "table", "row", "method", "dataset", "profile", "seed", "status", "cause", "run"),
    *("metrics", "published", "verdict", "receipt", "digest"),
)
STATUSES = ("done", "failed")
OF_RUNS = (
    *("id", "configuration", "parent", "initialisation", "priors", "num_classes", "log", "seconds", "peak_memory_mb"),
    *("started", "hardware", "weights_sha256"),
)
OF_EVALUATIONS = (
    *("id", "configuration", "metrics", "metrics_without_flip", "intervals", "cmc", "cost", "seconds", "sha256"),
)
OF_COUNTS = ("dataset", "variant", "counts")
OF_COMPLEXITIES = ("table", "rows", "precision", "hardware")

Record = dict[str, Any]


def write_atomically(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Call ``write`` on a new file that then takes the place of ``path``.

    Raises Unwritable, naming the folder and the mend, when the disk is full or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not mkstemp, whose files nobody else may read: results and reports are shared.
        name = path.parent / f"{WRITING}{uuid.uuid4().hex}"
        try:
            with name.open("xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise
    except OSError as error:
        raise unwritable(path.parent, error) from error


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` atomically as JSON that diffs well."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write NumPy arrays atomically as an npz file."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, **dict(arrays))
    write_atomically(path, lambda file: file.write(buffer.getbuffer()))


def append_line(path: Path, line: str) -> None:
    """Add a line to a log. Raises Unwritable, naming the folder and the mend, when that cannot be written."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise unwritable(path.parent, error) from error


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unwritable(folder: Path, error: OSError) -> Unwritable:
    """The error for a folder that cannot be written, with the mend."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unwritable(f"{folder}: the disk is full; free some space or choose another folder with --results")
    return Unwritable(f"{folder}: cannot be written ({error.strerror}); choose another folder with --results")


def record_digest(record: Record) -> str:
    """Hash of everything in a record but the digest itself."""
    return canonical_hash({key: value for key, value in record.items() if key != "digest"}, 64)


def record_label(record: Record) -> str:
    """A record in words: its cell, and which of the cell's it is."""
    return f"{record['cell']} ({record['profile']}, seed {record['seed']})"


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


def dataset_stem(dataset: str) -> str:
    """A dataset's id as part of a file name: that of a user's own folder has a path in it, which may lead anywhere."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", dataset).strip("-")[-60:]
    return dataset if plain == dataset else f"{plain}-{canonical_hash(dataset, 8)}"


class Store:
    """One results folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def require_writable(self) -> None:
        """Raise BadInput, naming the folder and the mend, unless a file can be written here."""
        probe = self.folder / ".probe"
        write_atomically(probe, lambda file: file.write(b"probe"))
        probe.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Delete what killed processes left half written, on this machine or others on this folder."""
        _sweep(self.folder, written_before=time.time() - ABANDONED_AFTER)

    def path(self, relative: str) -> Path:
        """A file named in a record."""
        return self.folder / relative

    def run_folder(self, run: str) -> Path:
        """Where a run keeps its weights, log and evaluations."""
        return self.folder / "runs" / run

    def weights_path(self, run: str) -> Path:
        """Where a finished training keeps its weights."""
        return self.run_folder(run) / "weights.safetensors"

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
        return manifest if self.weights_path(run).exists() else None

    def trained_weights(self, run: str, manifest: Record) -> Path:
        """The file of a finished training's weights. Raises BadInput where it is not what was written then."""
        path = self.weights_path(run)
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
            raise unwritable(folder, error) from error
        try:
            # Whoever writes here holds the run, so what is half written now stays so.
            _sweep(folder, written_before=math.inf)
            yield
        finally:
            lock.release()


def _sweep(folder: Path, written_before: float) -> None:
    """Delete half-written files, in a folder and those below it, that were last written to before then."""
    for path in folder.rglob(f"{WRITING}*"):
        # It may just have been deleted by another, or have become whole under its own name.
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < written_before:
                path.unlink()


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
