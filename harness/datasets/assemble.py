"""Assembles a dataset and its passport from the labelled images of each split."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.datasets.base import Dataset, Passport, Split
from harness.datasets.file_names import NamedImage
from harness.datasets.passport import content_digests, fingerprint, make_passport
from harness.errors import BadInput

Images = Mapping[str, Sequence[NamedImage]]
"""Images of ``train``, ``query`` and ``gallery``, with names relative to the dataset's root.

Datasets that are only tested on have no ``train``.
"""


def prefix_folder(folder: str, images: Iterable[NamedImage]) -> list[NamedImage]:
    """The same images, with ``folder`` before their names."""
    return [replace(image, name=f"{folder}/{image.name}") for image in images]


def assemble(dataset_id: str, root: Path, images: Images, passport: Passport) -> Dataset:
    """The dataset of these images, in their order.

    Args:
        dataset_id: Id of the dataset.
        root: The dataset's root.
        images: The images of each split. Without ``train`` the training split is empty.
        passport: The dataset's passport.
    """
    train, query, gallery = (_split(images.get(name, ())) for name in ("train", "query", "gallery"))
    return Dataset(dataset_id, root, train, query, gallery, passport)


def inspect_images(
    dataset_id: str, root: Path, images: Images, published: Mapping[str, int], remarks: Iterable[str] = ()
) -> Passport:
    """The passport of a dataset whose images are files as published.

    The fingerprint covers split, file name, content, identity and camera. Folder names do not enter, so copies of a
    dataset that differ only in them have the same fingerprint.

    Args:
        dataset_id: Id of the dataset.
        root: The dataset's root.
        images: The images of each split.
        published: Published counts, named as in ``Passport``.
        remarks: Sentences for the passport.

    Raises:
        BadInput: A file is there twice, or cannot be read.
    """
    refuse_duplicates(root, images)
    digests = _digests(root, {image.name for inside in images.values() for image in inside})
    files = [
        (f"{split}/{_file(image)}", digests[image.name], image.identity, image.camera)
        for split, inside in images.items()
        for image in inside
    ]
    copies = [remark for split, inside in images.items() for remark in _remark_on_copies(split, inside, digests)]
    everything = (*remarks, *remark_on_single_images(images), *copies)
    return make_passport(dataset_id, fingerprint(files), count_images(images, published), published, everything)


def add_to_variant(passport: Passport, fact: str) -> Passport:
    """The passport with ``fact``, which tells the dataset's form, added to its variant."""
    return replace(passport, variant=f"{passport.variant} ({fact})")


def count_images(images: Images, published: Mapping[str, int]) -> dict[str, int]:
    """Counts named as in ``Passport``, for each name in ``published``."""
    people = {split: {image.identity for image in inside} for split, inside in images.items()}
    found = {f"{split}_images": len(inside) for split, inside in images.items()}
    found |= {f"{split}_ids": len(identities) for split, identities in people.items()}
    found["cameras"] = len({image.camera for inside in images.values() for image in inside})
    found["train_ids_in_test"] = len(people.get("train", set()) & (people["query"] | people["gallery"]))
    return {name: count for name, count in found.items() if name in published}


def remark_on_single_images(images: Images) -> Iterator[str]:
    """A remark on training identities with one image, if there are any."""
    sizes = Counter(image.identity for image in images.get("train", ()))
    single = sorted(identity for identity, count in sizes.items() if count == 1)
    if single:
        first = ", ".join(map(str, single[:3]))
        yield f"Training identities with one image only, which form no positive pair: {len(single)} (first: {first})."


def refuse_duplicates(root: Path, images: Images) -> None:
    """Raise BadInput if a split has an image twice: listed twice, in two folders, or under two suffixes."""
    for split, inside in images.items():
        first: dict[str, str] = {}
        duplicates = []
        for image in inside:
            stem = _file(image).rpartition(".")[0].lower()
            if stem in first:
                duplicates.append(f"{first[stem]} and {image.name}")
            first.setdefault(stem, image.name)
        if duplicates:
            raise BadInput(
                f"{root}: {len(duplicates)} {split} image(s) are there twice ({'; '.join(duplicates[:3])}); "
                "remove one of each two"
            )


def _file(image: NamedImage) -> str:
    return image.name.rpartition("/")[2]


def _split(images: Sequence[NamedImage]) -> Split:
    import numpy as np

    return Split(
        names=tuple(image.name for image in images),
        identities=np.array([image.identity for image in images], dtype=np.int64),
        cameras=np.array([image.camera for image in images], dtype=np.int64),
    )


def _digests(root: Path, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 of the content of each file, by its name relative to ``root``."""
    # All splits at once: the cache keeps one list of digests per set of files.
    by_folder: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        folder, _, file = name.rpartition("/")
        by_folder[folder].append(file)
    return {
        f"{folder}/{file}" if folder else file: digest
        for folder, files in by_folder.items()
        for file, digest in zip(files, content_digests(root / folder, files), strict=True)
    }


def _remark_on_copies(split: str, images: Sequence[NamedImage], digests: Mapping[str, str]) -> Iterator[str]:
    """A remark on images of a split with the same content, if there are any."""
    first: dict[str, str] = {}
    copies = []
    for image in images:
        other = first.setdefault(digests[image.name], image.name)
        if other != image.name:
            copies.append(f"{image.name} is {other}")
    if copies:
        yield f"Images of {split} that are byte for byte another one: {len(copies)} (first: {copies[0]})."
