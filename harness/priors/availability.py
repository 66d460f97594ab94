"""Finds files of priors and lists their arrays, without reading them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import product
from pathlib import Path

from harness.datasets import dataset
from harness.errors import unknown_name_error
from harness.files.arrays import DamagedArrayFile, list_arrays
from harness.files.names import dataset_stem

KINDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "parsing": (("parsing",), ("keypoints", "mask", "presence")),
    "segmentation": (("mask",),),
    "keypoints": (("keypoints",),),
}
"""Each kind of prior, with the sets of arrays it can be read from. The preferred set comes first."""

INFRARED = "infrared"
"""A kind of prior that no file holds: the cameras tell which images are infrared."""

PROVIDER = "provider"
"""Name of the array (A, 2) of strings: each array of the file, and the provider and version that made it."""

SPLITS = ("train", "query", "gallery")
_FILE_WORDS = {"gallery": "test"}
"""The gallery is a part of the test images. Priors are kept for all test images."""


def priors_file(dataset_id: str, split_name: str, data_root: Path, number: int = 0) -> Path:
    """The file of priors for a split. Datasets that train on, or are tested on, the same images share a file.

    Args:
        dataset_id: Id of the dataset.
        split_name: ``train``, ``query`` or ``gallery``.
        data_root: The data root.
        number: Which of the dataset's numbered splits, from 1; 0 for a dataset without.
    """
    spec = dataset(dataset_id)
    owner = spec.training_id if split_name == "train" else spec.test_id
    word = _FILE_WORDS.get(split_name, split_name)
    numbered = f"_split{number}" if number else ""
    return data_root / "priors" / f"{dataset_stem(owner)}{numbered}_{word}_priors.npz"


def embedded_priors_file(root: Path, split_name: str) -> Path:
    """The file of priors that the embedded dataset in the folder ``root`` brings for a split."""
    return root / f"priors_{_FILE_WORDS.get(split_name, split_name)}.npz"


def missing_priors(
    dataset_id: str, kinds: Collection[str], data_root: Path, splits: Iterable[str] = SPLITS
) -> str | None:
    """One sentence on why these kinds of prior cannot be read; None if they can.

    All numbered splits of a dataset must have them. Only the files' tables of contents are read.

    Args:
        dataset_id: Id of the dataset.
        kinds: Kinds of prior: keys of ``KINDS``, or ``INFRARED``.
        data_root: The data root.
        splits: Names of the splits whose priors are needed.

    Raises:
        BadInput: Unknown dataset or kind.
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
            fix = suggest_fix(dataset_id, split_name, file, number)
            return f"needs {' and '.join(wanted)} of the {split_name} images; {fix}"
        reason = explain_unusable(file, wanted)
        if reason:
            return reason
    return None


def suggest_fix(dataset_id: str, split_name: str, file: Path, number: int = 0) -> str:
    """Two ways to get the priors of a split, in words: copy the file, or make it with a command.

    Args:
        dataset_id: Id of the dataset.
        split_name: ``train``, ``query`` or ``gallery``.
        file: The file of priors that is expected.
        number: Which of the dataset's numbered splits, from 1; 0 for a dataset without.
    """
    seed = f" --seed {number - 1}" if number else ""
    return (
        f"put them in {file} or make them: python -m harness.data priors {dataset_id} --split {split_name}{seed} "
        "--provider NAME"
    )


def explain_unusable(file: Path, kinds: Iterable[str]) -> str | None:
    """One sentence on why these kinds cannot be read from ``file``, which is there; None if they can."""
    try:
        held = list_arrays(file)
    except DamagedArrayFile as error:
        return str(error)
    for kind in kinds:
        if choose_arrays(kind, held) is None:
            arrays = " or ".join(", ".join(arrays) for arrays in KINDS[kind])
            return f"{file} has no {kind}; it needs the array(s) {arrays}"
    return None


def choose_arrays(kind: str, held: Collection[str]) -> tuple[str, ...] | None:
    """Names of the arrays, among those ``held``, that a kind is read from; None if no set of ``KINDS`` is complete."""
    return next((arrays for arrays in KINDS[kind] if set(arrays) <= set(held)), None)
