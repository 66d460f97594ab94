"""Images that are made from a dataset once, and kept in the cache folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness.cache import cache_folder
from harness.errors import BadInput


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """The folder ``name`` of the cache folder; where it is not there, ``make`` fills it.

    It is filled under another name and then renamed, so that a killed process leaves nothing that looks complete.
    ``name`` must change with all that ``make`` depends on. Raises BadInput when the disk is full.
    """
    from filelock import FileLock

    folder = cache_folder() / name
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{folder.name}.lock")):
            # Another process may have made it while this one waited.
            if not folder.is_dir():
                _fill(folder, make)
    except OSError as error:
        raise BadInput(
            f"{folder} cannot be written ({error.strerror or error}); free some space or set HARNESS_CACHE to a "
            "folder on a larger disk"
        ) from error
    return folder


def _fill(folder: Path, make: Callable[[Path], None]) -> None:
    partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".making-"))
    try:
        make(partial)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
