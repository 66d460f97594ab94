"""Where the harness keeps what it can make again: drawn datasets, decoded images, file digests."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from harness.errors import BadInput


def cache_folder() -> Path:
    """The cache folder, made if need be.

    It is ``$HARNESS_CACHE``, else ``$XDG_CACHE_HOME/reid-tables``, else ``~/.cache/reid-tables``.

    Raises BadInput where nothing can be written there, and where it is in the home folder of a user there is not.
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
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadInput(
            f"cannot write in the cache folder {folder} ({reason}); set HARNESS_CACHE to a folder you may write in"
        ) from error
    return folder
