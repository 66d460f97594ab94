"""Whether a folder under the data root can be written, asked before hours of work are to be kept in it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.errors import BadInput


def require_writable(folder: Path) -> None:
    """Make ``folder`` if need be. Raises BadInput, naming it and the mend, unless a file can be written in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadInput(
            f"{folder} cannot be written ({error.strerror}); make it writable, or link the data into a --data-root "
            "that is"
        ) from error
