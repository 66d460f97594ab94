"""Folders of images that are made from a dataset once, and kept in the cache folder."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from harness.errors import BadInput
from harness.files.cache import cache_folder


def make_once(name: str, make: Callable[[Path], None]) -> Path:
    """The folder ``name`` in the cache folder. ``make`` fills it if it is not there yet.

    It is filled under another name and then renamed: a killed process leaves nothing that looks complete. ``name`` must
    change with everything that ``make`` depends on. Raises BadInput if the disk is full, and for a folder that another
    user made and did not share.
    """
    from filelock import FileLock

    folder = cache_folder() / name
    if folder.is_dir():
        _require_readable(folder)
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # The lock file stays: others who share the folder must be able to take it.
        with FileLock(folder.with_name(f"{folder.name}.lock"), mode=0o666):
            # Another process may have made it while this one waited.
            if not folder.is_dir():
                _fill(folder, make)
    except OSError as error:
        raise BadInput(
            f"{folder} cannot be written ({error.strerror or error}); free some space or set HARNESS_CACHE to a "
            "folder on a larger disk"
        ) from error
    return folder


def _require_readable(folder: Path) -> None:
    if not os.access(folder, os.R_OK | os.X_OK):
        raise BadInput(
            f"{folder} cannot be read (Permission denied); let its owner share it with: chmod -R a+rX {folder}, or set "
            "HARNESS_CACHE to a folder of your own"
        )


def _fill(folder: Path, make: Callable[[Path], None]) -> None:
    # mkdtemp's folders are private to their owner, but the cache may be shared.
    partial = folder.with_name(f".making-{uuid.uuid4().hex}")
    try:
        partial.mkdir()
        make(partial)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
