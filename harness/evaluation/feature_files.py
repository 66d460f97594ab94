"""Reads features of a user's own: one npz file, or two npy files and a CSV of their labels."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInput
from harness.evaluation.ladder import StoredFeatures
from harness.files.arrays import DAMAGED_ARRAYS, NoArrayFile, list_arrays, read_arrays

REQUIRED = ("query", "gallery", "query_ids", "gallery_ids")
OPTIONAL = ("query_cams", "gallery_cams", "junk", "junk_cams")
SPLITS = ("query", "gallery")
GUIDE = "docs/how-to/score-your-features.md says how the files are made"


def read_feature_file(path: Path) -> StoredFeatures:
    """Read an npz file with the arrays of ``REQUIRED`` and, where it has them, of ``OPTIONAL``.

    ``query`` is (Q, D), ``gallery`` (G, D), ``query_ids`` and ``query_cams`` (Q,), ``gallery_ids`` and ``gallery_cams``
    (G,). ``junk`` (J, D) and ``junk_cams`` (J,) are images that the gallery leaves out. Without cameras every image has
    camera 0. The ``features.npz`` beside a record is such a file.

    Raises BadInput, naming the file and the array, when one is missing or damaged, or features are no matrix.
    """
    if path.suffix == ".npy":
        raise BadInput(f"{path} has no labels; give QUERY.npy GALLERY.npy --labels CSV, or one npz file; {GUIDE}")
    present = list_arrays(path)
    missing = [name for name in REQUIRED if name not in present]
    missing += [other for name, other in _PARTNERS.items() if name in present and other not in present]
    if missing:
        raise BadInput(f"{path} has no array {missing[0]!r} (it has {', '.join(sorted(present)) or 'none'}); {GUIDE}")
    return _features(path, read_arrays(path, REQUIRED, OPTIONAL))


def read_feature_matrices(query: Path, gallery: Path, labels: Path) -> StoredFeatures:
    """Read the npy files ``query`` (Q, D) and ``gallery`` (G, D), and the CSV file of their ``labels``.

    The CSV has a head with the columns ``split`` (``query`` or ``gallery``), ``id`` and, where there are cameras,
    ``camera``. Its rows of one split are in the order of that split's features.

    Raises BadInput, naming the file and the line or column, for what cannot be read.
    """
    found: dict[str, NDArray[Any]] = {"query": _matrix(query), "gallery": _matrix(gallery)}
    return _features(query.parent, found | _labels(labels))


_PARTNERS = {"query_cams": "gallery_cams", "gallery_cams": "query_cams", "junk": "junk_cams"}
"""Arrays that make no sense without another."""


def _features(source: Path, found: dict[str, NDArray[Any]]) -> StoredFeatures:
    """The features with these labels, read from ``source``. Lengths and values of labels are checked by ``score``."""
    for name in ("query", "gallery", "junk"):
        if name in found and found[name].ndim != 2:
            raise BadInput(f"{source}: {name} must be a matrix, one row per image, not of shape {found[name].shape}")
        if name in SPLITS and not len(found[name]):
            raise BadInput(f"{source}: {name} holds no features; give one row per image")
    cams = {split: found.get(f"{split}_cams", np.zeros(len(found[split]), np.int64)) for split in SPLITS}
    return StoredFeatures(
        {False: found["query"]},
        {False: found["gallery"]},
        _junk(source, found),
        found["query_ids"],
        found["gallery_ids"],
        cams["query"],
        cams["gallery"],
        found.get("junk_cams", np.zeros(0, np.int64)),
    )


def _junk(source: Path, found: dict[str, NDArray[Any]]) -> dict[bool, NDArray[Any]]:
    if "junk" not in found:
        return {}
    junk, dimensions = found["junk"], found["gallery"].shape[1]
    if junk.shape[1] != dimensions:
        raise BadInput(
            f"{source}: junk has {junk.shape[1]} dimensions and gallery {dimensions}; use one model for both"
        )
    if found["junk_cams"].shape != junk.shape[:1]:
        raise BadInput(f"{source}: junk_cams must hold one camera for each of the {len(junk)} junk images")
    return {False: junk}


def _matrix(path: Path) -> NDArray[Any]:
    try:
        found = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise NoArrayFile(path) from error
    except DAMAGED_ARRAYS as error:
        raise BadInput(f"{path} cannot be read as an npy file ({error}); save it with numpy.save") from error
    if not isinstance(found, np.ndarray):
        raise BadInput(f"{path} holds several arrays; give one npy file for the queries and one for the gallery")
    return found


def _labels(path: Path) -> dict[str, NDArray[np.int64]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            columns = ["id", *(["camera"] if "camera" in (rows.fieldnames or ()) else [])]
            _require_columns(path, rows.fieldnames or ())
            found: dict[str, dict[str, list[int]]] = {split: {column: [] for column in columns} for split in SPLITS}
            for row in rows:
                where = f"{path}, line {rows.line_num}"
                if row["split"] not in SPLITS:
                    raise BadInput(f"{where}: the split is {row['split']!r}; write query or gallery")
                for column in columns:
                    found[row["split"]][column].append(_whole_number(row[column], f"{where}: the {column}"))
    except FileNotFoundError as error:
        raise BadInput(f"{path} is not there; --labels names the CSV of ids and cameras") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path} cannot be read as CSV ({error}); save it as UTF-8 text with commas") from error
    names = {"id": "ids", "camera": "cams"}
    return {
        f"{split}_{names[column]}": np.array(found[split][column], np.int64) for split in SPLITS for column in columns
    }


def _require_columns(path: Path, names: Iterable[str]) -> None:
    present = list(names)
    for column in ("split", "id"):
        if column not in present:
            raise BadInput(f"{path} has no column {column!r} (it has {', '.join(present) or 'none'}); {GUIDE}")


def _whole_number(written: str | None, what: str) -> int:
    try:
        return int(written or "")
    except ValueError as error:
        raise BadInput(f"{what} is {written!r}; write a whole number") from error
