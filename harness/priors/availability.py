"""Where priors lie and whether they are there, without reading them."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterable
from itertools import product
from pathlib import Path

from harness.datasets import dataset
from harness.errors import unknown_name_error
from harness.files.names import dataset_stem

KINDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "parsing": (("parsing",), ("keypoints", "mask", "presence")),
    "segmentation": (("mask",),),
    "keypoints": (("keypoints",),),
}
"""Each kind of prior with the sets of arrays that it can be had from, the preferred set first."""

INFRARED = "infrared"
"""Which images are infrared. It is no prior of a file: the cameras that took them say so."""

PROVIDER = "provider"
"""The array (A, 2) of strings in which a file says which provider, in which version, made each of its arrays."""

SPLITS = ("train", "query", "gallery")
_FILE_WORDS = {"gallery": "test"}
"""The gallery is a part of the test images, and priors are kept for all of them."""


def priors_file(dataset_id: str, split_name: str, data_root: Path, number: int = 0) -> Path:
    """The file of priors under the data root for one split of a dataset, of its numbered split if it has such.

    Datasets that train, or are tested, on the same images share the file of those.
    """
    spec = dataset(dataset_id)
    owner = spec.training_id if split_name == "train" else spec.test_id
    word = _FILE_WORDS.get(split_name, split_name)
    numbered = f"_split{number}" if number else ""
    return data_root / "priors" / f"{dataset_stem(owner)}{numbered}_{word}_priors.npz"


def embedded_priors_file(root: Path, split_name: str) -> Path:
    """The file of priors that the embedded dataset, drawn into ``root``, knows for one of its splits."""
    return root / f"priors_{_FILE_WORDS.get(split_name, split_name)}.npz"


def missing_priors(
    dataset_id: str, kinds: Collection[str], data_root: Path, splits: Iterable[str] = SPLITS
) -> str | None:
    """One sentence on why these kinds of prior cannot be read for these splits; None when they can.

    Of a dataset of several numbered splits, those of all are looked for. Only the files' tables of contents are read.
    Raises BadInput for an unknown dataset or kind.
    """
    wanted = [kind for kind in kinds if kind != INFRARED]
    for kind in wanted:
        if kind not in KINDS:
            raise unknown_name_error("prior", kind, [*KINDS, INFRARED])
    if INFRARED in kinds and not dataset(dataset_id).infrared:
        return f"needs visible and infrared images, and {dataset_id} has no infrared ones; choose a dataset that has"
    spec = dataset(dataset_id)
    if spec.embedded or not wanted:
        return None
    numbers = range(1, spec.splits + 1) if spec.load_split else (0,)
    for split_name, number in product(splits, numbers):
        file = priors_file(dataset_id, split_name, data_root, number)
        if not file.is_file():
            mend = how_to_get(dataset_id, split_name, file, number)
            return f"needs {' and '.join(wanted)} of the {split_name} images; {mend}"
        reason = lacking(file, wanted)
        if reason:
            return reason
    return None


def how_to_get(dataset_id: str, split_name: str, file: Path, number: int = 0) -> str:
    """What a user does to have the priors of a split in ``file``."""
    seed = f" --seed {number - 1}" if number else ""
    return (
        f"put them in {file} or make them: python -m harness.data priors {dataset_id} --split {split_name}{seed} "
        "--provider NAME"
    )


def lacking(file: Path, kinds: Iterable[str]) -> str | None:
    """One sentence on what ``file`` lacks for these kinds, or on why it cannot be read; None when it holds all."""
    try:
        with zipfile.ZipFile(file) as archive:
            held = {name.removesuffix(".npy") for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile):
        return f"{file} is damaged; replace it by a whole copy"
    for kind in kinds:
        if source_of(kind, held) is None:
            arrays = " or ".join(", ".join(arrays) for arrays in KINDS[kind])
            return f"{file} has no {kind}; it needs the array(s) {arrays}"
    return None


def source_of(kind: str, held: Collection[str]) -> tuple[str, ...] | None:
    """The arrays among those ``held`` that a kind is read from; None when none of its sets is complete."""
    return next((arrays for arrays in KINDS[kind] if set(arrays) <= set(held)), None)
