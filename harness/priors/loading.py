"""Reads the priors of one split, row by row beside its images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import BadInput, unknown_name_error
from harness.files.arrays import list_arrays, read_arrays
from harness.priors.availability import (
    INFRARED,
    KINDS,
    PROVIDER,
    choose_arrays,
    embedded_priors_file,
    explain_unusable,
    priors_file,
    suggest_fix,
)
from harness.priors.contents import require_valid_arrays
from harness.priors.naming import image_names

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.datasets.base import Dataset, Split

DERIVED = "parsing derived from mask and keypoints"


@dataclass(frozen=True, eq=False)
class Priors:
    """Priors aligned with the rows of a split.

    ``kinds`` are the kinds asked for; ``stored`` holds the rows of their file that they are made from. ``provider``
    says in words where they come from, with the providers and versions stated in the file. ``fingerprint`` is a
    SHA-256 of kinds, provider and stored rows: a plan sees changes without deriving part maps.
    """

    kinds: tuple[str, ...]
    stored: Mapping[str, NDArray[Any]]
    provider: str

    @cached_property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """Kind -> array of N rows.

        ``parsing`` (N, 64, 32) uint8: 0 background, 1 head, 2 torso and arms, 3 left leg, 4 right leg; all 0 if no
        trustworthy map can be made. ``segmentation`` (N, 64, 32) bool, true on the person. ``keypoints`` (N, 17, 3)
        float32 in COCO's order: x and y as fractions of the image's width and height, confidence 0..1. ``infrared``
        (N,) bool, true for an infrared image.
        """
        return {kind: _prior(kind, self.stored) for kind in self.kinds}

    @cached_property
    def fingerprint(self) -> str:
        """Hex SHA-256."""
        import numpy as np

        hasher = hashlib.sha256(f"{self.provider} {' '.join(self.kinds)}".encode())
        for name in sorted(self.stored):
            array = np.ascontiguousarray(self.stored[name])
            hasher.update(f"{name}{array.dtype.str}{array.shape}".encode())
            hasher.update(array.data)
        return hasher.hexdigest()


def load_priors(dataset: Dataset, split_name: str, kinds: Iterable[str], data_root: Path) -> Priors:
    """The priors of a split. Rows are matched by the images' names, as ``image_names`` gives them.

    Args:
        dataset: The dataset. The embedded one brings its own truth.
        split_name: ``train``, ``query`` or ``gallery``.
        kinds: Kinds of prior: keys of ``KINDS``, or ``INFRARED``.
        data_root: The data root; its folder ``priors`` holds the files of other datasets.

    Raises:
        BadInput: Unknown kind; a file that is missing, damaged or malformed, or that lacks images of the split.
    """
    wanted = sorted(set(kinds))
    for kind in wanted:
        if kind not in (*KINDS, INFRARED):
            raise unknown_name_error("prior", kind, [*KINDS, INFRARED])
    in_file = [kind for kind in wanted if kind != INFRARED]
    stored, provider = _read_rows(dataset, split_name, in_file, data_root) if in_file else ({}, "")
    if INFRARED in wanted:
        stored = {**stored, INFRARED: dataset.infrared(getattr(dataset, split_name))}
        provider = "; ".join(filter(None, (provider, f"infrared by the cameras of {dataset.id}")))
    return Priors(tuple(wanted), stored, provider)


def _read_rows(
    dataset: Dataset, split_name: str, wanted: list[str], data_root: Path
) -> tuple[dict[str, NDArray[Any]], str]:
    """The rows of a split in its file of priors, and where they come from, in words."""
    file = (
        embedded_priors_file(dataset.root, split_name)
        if dataset.embedded
        else priors_file(dataset.id, split_name, data_root, dataset.number)
    )
    if dataset.embedded and (not file.is_file() or explain_unusable(file, wanted)):
        raise BadInput(f"{file} is missing or damaged; delete {dataset.root} to have it drawn again")
    if not file.is_file():
        fix = suggest_fix(dataset.id, split_name, file, dataset.number)
        raise BadInput(f"priors of the {split_name} images of {dataset.id} are not there; {fix}")
    reason = explain_unusable(file, wanted)
    if reason:
        raise BadInput(reason)
    held = _read_arrays_of(file, wanted)
    rows = _match_rows(file, held["names"], getattr(dataset, split_name))
    stored = {name: array[rows] for name, array in held.items() if name not in ("names", PROVIDER)}
    provider = f"{dataset.id} truth" if dataset.embedded else _describe_provider(file, held)
    if "parsing" in wanted and "parsing" not in held:
        provider = f"{provider}; {DERIVED}"
    return stored, provider


def _read_arrays_of(file: Path, kinds: Iterable[str]) -> dict[str, NDArray[Any]]:
    """The arrays of ``file`` that these kinds are made from, with ``names``, validated."""
    held = list_arrays(file)
    needed = {name for kind in kinds for name in choose_arrays(kind, held) or ()}
    arrays = read_arrays(file, ("names", *sorted(needed)), optional=(PROVIDER,))
    require_valid_arrays(file, arrays)
    return arrays


def _describe_provider(file: Path, held: Mapping[str, NDArray[Any]]) -> str:
    """The file's name, with the provider of each array read, if the file states it."""
    arrays_of: dict[str, list[str]] = {}
    for array, provider in held.get(PROVIDER, ()):
        if array in held:
            arrays_of.setdefault(str(provider), []).append(str(array))
    words = sorted(f"{', '.join(sorted(arrays))} by {provider}" for provider, arrays in arrays_of.items())
    return f"file {file.name}" + (f" ({'; '.join(words)})" if words else "")


def _match_rows(file: Path, names: NDArray[np.str_], split: Split) -> NDArray[np.int64]:
    """The row of ``names`` for each image of the split, (N,)."""
    import numpy as np

    row_of = {str(name): row for row, name in enumerate(names)}
    images = image_names(split)
    missing = [name for name in images if name not in row_of]
    if missing:
        raise BadInput(
            f"{file} has no priors for {len(missing)} of {len(images)} images ({', '.join(missing[:3])}); "
            "make it again for these images"
        )
    return np.array([row_of[name] for name in images], dtype=np.int64)


def _prior(kind: str, stored: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    import numpy as np

    from harness.priors.parsing import derive_parsing

    if kind == INFRARED:
        return stored[INFRARED]
    if kind == "keypoints":
        return stored["keypoints"].astype(np.float32)
    if kind == "segmentation":
        return _unpack(stored["mask"])
    if "parsing" in stored:
        return stored["parsing"].astype(np.uint8)
    return derive_parsing(stored["keypoints"].astype(np.float32), _unpack(stored["mask"]), stored["presence"])


def _unpack(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    import numpy as np

    return np.unpackbits(mask, axis=1).reshape(-1, 64, 32).astype(bool)
