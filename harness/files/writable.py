"""Checks that a folder can be written, before hours of work are to be kept in it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.errors import BadInput


def write_probe(folder: Path) -> None:
    """Make ``folder`` if it is missing, and write a file in it that vanishes at once. Raises OSError if that fails."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"probe")
        file.flush()


def require_writable(folder: Path) -> None:
    """Make ``folder``, which lies under the data root. Raises BadInput, naming the fix, if it cannot be written."""
    try:
        write_probe(folder)
    except OSError as error:
        raise BadInput(
            f"{folder} cannot be written ({error.strerror}); make it writable, or link the data into a --data-root "
            "that is"
        ) from error
