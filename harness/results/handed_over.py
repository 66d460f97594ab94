"""Records that go from one results folder to another: each with the arrays that it can be scored again from.

Features and scores go along. Weights, ranked strips and attention maps do not: they are large, or may hold images of
people.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from harness.errors import BadInput
from harness.files.atomic import unwritable_error
from harness.results.record import DoneRecord, record_label
from harness.results.store import Store

HANDED_OVER = ("features", "scores")
"""The arrays that go along, as ``evaluation_sha256`` of a receipt names them."""


def copy_records(records: Sequence[DoneRecord], source: Store, target: Store) -> list[Path]:
    """Copy records and their arrays to another results folder, which then holds what ``--verify`` needs.

    Returns the files of the records. Raises BadInput for arrays that are missing or lie outside the folder, and
    Unwritable where the folder cannot be written.
    """
    for record in records:
        for name in HANDED_OVER:
            _copy(_place(record, name), record, source, target)
    return [target.write_record(record) for record in records]


def _place(record: DoneRecord, name: str) -> PurePosixPath:
    """The file of an array, relative to the results folder. Raises BadInput for one outside the folder of a run."""
    place = PurePosixPath(record["evaluation"]) / f"{name}.npz"
    if place.is_absolute() or place.parts[0] != "runs" or ".." in place.parts:
        raise BadInput(
            f"{record_label(record)}: its evaluation {record['evaluation']!r} lies outside runs/; ask for a whole copy "
            "of the results folder"
        )
    return place


def _copy(place: PurePosixPath, record: DoneRecord, source: Store, target: Store) -> None:
    original, copy = source.folder / place, target.folder / place
    if original.is_symlink() or not original.is_file():
        raise BadInput(
            f"{original} is not there, so {record_label(record)} could not be verified; run its cell again, or ask for "
            "a whole copy of the results folder"
        )
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(original, copy)
    except OSError as error:
        raise unwritable_error(copy.parent, error) from error
