"""Priors of a split, computed once and kept under the data root: methods read only what is kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock

from harness.errors import DAMAGED_ARRAYS, BadInput
from harness.files.atomic import write_atomically
from harness.files.writable import require_writable
from harness.priors.availability import PROVIDER, priors_file
from harness.priors.contents import require_sound
from harness.priors.naming import image_names
from harness.priors.providers.base import Progress, Provider

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.datasets.base import Dataset, Split

_TYPES = {"keypoints": np.float16, "presence": np.float16, "mask": np.uint8, "parsing": np.uint8}


def make_priors(
    dataset: Dataset, split_name: str, provider: Provider, data_root: Path, overwrite: bool, progress: Progress
) -> Path:
    """Let ``provider`` look at a split and keep what it gives; returns the file.

    What another provider gave for these images stays beside it, each with its own statement; rows of images that the
    split does not have are dropped. Raises BadInput for a split without images, for bad images, and for a folder that
    cannot be written; without ``overwrite`` where the file holds such arrays already; and where the file lacks some of
    these images, unless ``overwrite`` may replace it and nothing else is lost with it. All of that is said before any
    image is looked at, and once more where another process has written the file meanwhile.
    """
    split: Split = getattr(dataset, split_name)
    if not len(split):
        raise BadInput(f"{dataset.id} has no {split_name} images; choose another --split")
    file = priors_file(dataset.id, split_name, data_root, dataset.number)
    names = image_names(split)
    require_writable(file.parent)
    _kept(file, names, provider, overwrite)
    made = {array: _stored(array, values) for array, values in provider.observe(dataset.root, split, progress).items()}
    # The lock file stays: others who share the folder must be able to take it.
    with FileLock(file.with_name(f".{file.name}.lock"), mode=0o666):
        # Another provider may have written its arrays while this one looked at the images.
        kept = _kept(file, names, provider, overwrite)
        statements = {str(array): str(words) for array, words in kept.pop(PROVIDER, np.zeros((0, 2), np.str_))}
        statements |= dict.fromkeys(made, provider.statement)
        stated = np.array(sorted(statements.items()))
        arrays: dict[str, Any] = {**kept, **made, "names": np.array(names), PROVIDER: stated}
        write_atomically(file, lambda target: np.savez_compressed(target, **arrays))
    return file


def _stored(array: str, values: NDArray[Any]) -> NDArray[Any]:
    if array == "mask":
        return np.packbits(values.reshape(len(values), -1), axis=1)
    return values.astype(_TYPES[array])


def _kept(file: Path, names: list[str], provider: Provider, overwrite: bool) -> dict[str, NDArray[Any]]:
    """What stays of the file that is there: arrays that the provider does not give, in the order of ``names``."""
    if not file.exists():
        return {}
    held = _read(file)
    others = set(_TYPES) & set(held) - set(provider.arrays)
    require_sound(file, {array: held[array] for array in ("names", *others, PROVIDER) if array in held})
    row_of = {str(name): row for row, name in enumerate(held["names"])}
    absent = [name for name in names if name not in row_of]
    if absent:
        if overwrite and not others:
            return {}
        or_replaced = "" if others else ", or replace it with --overwrite"
        raise BadInput(
            f"{file} was made for other images, it lacks {len(absent)} of these {len(names)} "
            f"({', '.join(absent[:3])}); move it away{or_replaced}"
        )
    again = sorted(set(provider.arrays) & set(held))
    if again and not overwrite:
        raise BadInput(f"{file} holds {', '.join(again)} already; add --overwrite to replace what it holds of them")
    rows = np.array([row_of[name] for name in names])
    kept = {array: held[array][rows] for array in others}
    return kept | ({PROVIDER: held[PROVIDER]} if PROVIDER in held else {})


def _read(file: Path) -> Mapping[str, NDArray[Any]]:
    try:
        with np.load(file) as archive:
            return dict(archive)
    except DAMAGED_ARRAYS as error:
        raise BadInput(f"{file} is damaged ({error}); delete it to have it made again") from error
