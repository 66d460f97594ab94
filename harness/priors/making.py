"""Makes the priors of a split once and keeps them under the data root. Methods read only the kept file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock

from harness.errors import BadInput
from harness.files.arrays import DamagedArrayFile, read_arrays
from harness.files.atomic import write_atomically
from harness.files.writable import require_writable
from harness.priors.availability import PROVIDER, priors_file
from harness.priors.contents import require_valid_arrays
from harness.priors.naming import image_names
from harness.priors.providers.base import Provider
from harness.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.datasets.base import Dataset, Split

_TYPES = {"keypoints": np.float16, "presence": np.float16, "mask": np.uint8, "parsing": np.uint8}


def make_priors(
    dataset: Dataset, split_name: str, provider: Provider, data_root: Path, overwrite: bool, progress: Progress
) -> Path:
    """Let ``provider`` look at a split, and keep the arrays it gives.

    Arrays of other providers for these images stay in the file, each with its own statement. Rows of images that the
    split lacks are dropped. The file is checked before any image is looked at, and again before it is written: another
    process may have written it meanwhile.

    Args:
        dataset: The dataset.
        split_name: ``train``, ``query`` or ``gallery``.
        provider: Looks at the images.
        data_root: The data root; the file lies in its folder ``priors``.
        overwrite: Replace arrays of this provider's names that the file already holds.
        progress: Called with the images done and all images.

    Returns:
        The file of priors.

    Raises:
        BadInput: A split without images; a bad image; a folder that cannot be written; a file that holds such arrays
            already (without ``overwrite``), or lacks some of these images (unless ``overwrite`` loses nothing else).
    """
    split: Split = getattr(dataset, split_name)
    if not len(split):
        raise BadInput(f"{dataset.id} has no {split_name} images; choose another --split")
    file = priors_file(dataset.id, split_name, data_root, dataset.number)
    names = image_names(split)
    require_writable(file.parent)
    _arrays_to_keep(file, names, provider, overwrite)
    made = {array: _pack(array, values) for array, values in provider.observe(dataset.root, split, progress).items()}
    # The lock file stays: others who share the folder must be able to take it.
    with FileLock(file.with_name(f".{file.name}.lock"), mode=0o666):
        # Another provider may have written its arrays while this one looked at the images.
        kept = _arrays_to_keep(file, names, provider, overwrite)
        statements = {str(array): str(words) for array, words in kept.pop(PROVIDER, np.zeros((0, 2), np.str_))}
        statements |= dict.fromkeys(made, provider.statement)
        stated = np.array(sorted(statements.items()))
        arrays: dict[str, Any] = {**kept, **made, "names": np.array(names), PROVIDER: stated}
        write_atomically(file, lambda target: np.savez_compressed(target, **arrays))
    return file


def _pack(array: str, values: NDArray[Any]) -> NDArray[Any]:
    """The values as the file stores them."""
    if array == "mask":
        return np.packbits(values.reshape(len(values), -1), axis=1)
    return values.astype(_TYPES[array])


def _arrays_to_keep(file: Path, names: list[str], provider: Provider, overwrite: bool) -> dict[str, NDArray[Any]]:
    """Arrays of the present file that the provider does not give, in the order of ``names``."""
    if not file.exists():
        return {}
    try:
        held = read_arrays(file, (), optional=("names", *_TYPES, PROVIDER))
    except DamagedArrayFile as error:
        raise BadInput(f"{file} is damaged ({error.reason}); delete it to have it made again") from error
    others = set(_TYPES) & set(held) - set(provider.arrays)
    require_valid_arrays(file, {array: held[array] for array in ("names", *others, PROVIDER) if array in held})
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
