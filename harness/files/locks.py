"""Locks of a folder that several processes share: whether a file is locked, and whether locks hold there."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

from harness.errors import BadInput

FIX = "mount it with locks (docs/how-to/clusters.md says how), or choose another folder with --results"


def is_held(path: Path) -> bool:
    """Whether a process holds the lock of a file. Does not wait, and does not change the file."""
    try:
        # Read only, so that the file does not look changed to those who take a change for a sign of life.
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def require_locks(folder: Path) -> None:
    """Raise BadInput, naming the fix, unless a lock in ``folder`` keeps others out.

    Without that, two workers could train the same run and write the same files.
    """
    with tempfile.NamedTemporaryFile(prefix=".lock-probe-", dir=folder) as probe:
        try:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BadInput(f"{folder}: its file system has no locks ({error.strerror}); {FIX}") from error
        if not is_held(Path(probe.name)):
            raise BadInput(f"{folder}: its file system grants one lock twice; {FIX}")
