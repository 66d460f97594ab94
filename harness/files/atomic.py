"""Atomic writes: a file is whole or not there. It is written beside its place, flushed, then renamed."""

from __future__ import annotations

import errno
import io
import json
import os
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from harness.errors import Unwritable

WRITING = ".writing-"
"""Prefix of the name that a file has until it is whole."""


def write_atomically(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Call ``write`` on a new file, then rename that file to ``path``.

    Raises Unwritable, naming the folder and the fix, if the disk is full or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp's files are private to their owner, but results and reports are shared.
        unfinished = path.parent / f"{WRITING}{uuid.uuid4().hex}"
        try:
            with unfinished.open("xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(unfinished)
            raise
    except OSError as error:
        raise unwritable_error(path.parent, error) from error


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` atomically as JSON that diffs well. Raises Unwritable as ``write_atomically`` does."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))


def write_arrays(path: Path, arrays: Mapping[str, Any], compressed: bool = False) -> None:
    """Write NumPy arrays atomically as an npz file. Raises Unwritable as ``write_atomically`` does."""
    import numpy as np

    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **dict(arrays))
    write_atomically(path, lambda file: file.write(buffer.getbuffer()))


def append_line(path: Path, line: str) -> None:
    """Append a line to a log. Raises Unwritable, naming the folder and the fix, if the log cannot be written."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise unwritable_error(path.parent, error) from error


def unwritable_error(folder: Path, error: OSError) -> Unwritable:
    """The error for a results folder that cannot be written, with the fix."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unwritable(f"{folder}: the disk is full; free some space or choose another folder with --results")
    return Unwritable(f"{folder}: cannot be written ({error.strerror}); choose another folder with --results")


def sweep(folder: Path, written_before: float) -> None:
    """Delete unfinished files below ``folder`` last written before ``written_before``, in seconds since the epoch."""
    for path in folder.rglob(f"{WRITING}*"):
        # Another process may have deleted or finished the file meanwhile.
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < written_before:
                path.unlink()
