"""Files that are whole or not there at all: written beside their place, flushed, then renamed."""

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
"""What the name of a file begins with until it is whole."""


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
        raise unwritable_error(path.parent, error) from error


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
        raise unwritable_error(path.parent, error) from error


def unwritable_error(folder: Path, error: OSError) -> Unwritable:
    """The error for a folder that cannot be written, with the mend."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unwritable(f"{folder}: the disk is full; free some space or choose another folder with --results")
    return Unwritable(f"{folder}: cannot be written ({error.strerror}); choose another folder with --results")


def sweep(folder: Path, written_before: float) -> None:
    """Delete half-written files, in a folder and those below it, that were last written to before then."""
    for path in folder.rglob(f"{WRITING}*"):
        # It may just have been deleted by another, or have become whole under its own name.
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < written_before:
                path.unlink()
