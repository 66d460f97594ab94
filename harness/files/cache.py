"""The cache folder: everything in it can be made again (drawn datasets, decoded images, file digests)."""

from __future__ import annotations

import os
from pathlib import Path

from harness.errors import BadInput
from harness.files.writable import write_probe


def cache_folder() -> Path:
    """The cache folder, made if it is missing.

    It is ``$HARNESS_CACHE``, else ``$XDG_CACHE_HOME/reid-tables``, else ``~/.cache/reid-tables``.

    Raises BadInput if the folder cannot be written, or lies in the home folder of an unknown user.
    """
    chosen = os.environ.get("HARNESS_CACHE")
    if chosen:
        try:
            folder = Path(chosen).expanduser().absolute()
        except RuntimeError as error:
            raise BadInput(
                f"HARNESS_CACHE={chosen}: there is no home folder {Path(chosen).parts[0]}; write the whole path"
            ) from error
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reid-tables"
    try:
        write_probe(folder)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadInput(
            f"cannot write in the cache folder {folder} ({reason}); set HARNESS_CACHE to a folder you may write in"
        ) from error
    return folder
