"""Reads stored arrays (npz files). A file that is not there and a damaged one are two typed errors."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAMAGED_ARRAYS = (
    *(OSError, ValueError, KeyError, TypeError, EOFError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error),
)
"""Errors that NumPy raises for a file that is not npz, is cut short, or lacks an array."""


class NoArrayFile(BadInput):
    """The file is not there."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self.file = file

    def __str__(self) -> str:
        return f"{self.file} is not there; make it again or copy it there"


class DamagedArrayFile(BadInput):
    """The file cannot be read, or one array in it: ``array`` names it, and is None if it is the whole file."""

    def __init__(self, file: Path, reason: str, array: str | None = None) -> None:
        # All three are its arguments, so that it can be pickled.
        super().__init__(file, reason, array)
        self.file, self.reason, self.array = file, reason, array

    def __str__(self) -> str:
        return f"{self.file} is damaged ({self.reason}); replace it by a whole copy"


def read_arrays(path: Path, required: Iterable[str], optional: Iterable[str] = ()) -> dict[str, NDArray[Any]]:
    """Arrays of the npz file ``path``, by name.

    Args:
        path: The npz file.
        required: Names of the arrays that must be there.
        optional: Names of arrays that are read if they are there. Any others are left alone.

    Raises:
        NoArrayFile: The file is not there.
        DamagedArrayFile: The file or an array cannot be read, or a required array is lacking.
    """
    import numpy as np

    array: str | None = None
    found: dict[str, NDArray[Any]] = {}
    try:
        with np.load(path) as archive:
            for array in (*required, *(name for name in optional if name in archive.files)):
                if array not in archive.files:
                    raise DamagedArrayFile(path, f"it has no array {array!r}", array)
                found[array] = archive[array]
    except FileNotFoundError as error:
        raise NoArrayFile(path) from error
    except DAMAGED_ARRAYS as error:
        reason = str(error) or type(error).__name__
        raise DamagedArrayFile(path, reason if array is None else f"{array}: {reason}", array) from error
    return found


def list_arrays(path: Path) -> set[str]:
    """Names of the arrays in the npz file ``path``. Reads its table of contents only, without NumPy.

    Raises NoArrayFile or DamagedArrayFile, as ``read_arrays`` does.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except FileNotFoundError as error:
        raise NoArrayFile(path) from error
    except (OSError, zipfile.BadZipFile) as error:
        raise DamagedArrayFile(path, str(error)) from error
