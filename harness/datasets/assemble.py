"""From the labelled images of each split to a dataset and its passport."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.datasets.base import Dataset, Passport, Split
from harness.datasets.file_names import NamedImage
from harness.datasets.passport import content_digests, fingerprint, verified
from harness.errors import BadInput

Images = Mapping[str, Sequence[NamedImage]]
"""Images of ``train``, ``query`` and ``gallery``, called by their names relative to the dataset's root.

There is no ``train`` in datasets that are only tested on.
"""


def within(folder: str, images: Iterable[NamedImage]) -> list[NamedImage]:
    """The same images, called by their names relative to the root that ``folder`` is in."""
    return [replace(image, name=f"{folder}/{image.name}") for image in images]


def assembled(dataset_id: str, root: Path, images: Images, passport: Passport) -> Dataset:
    """The dataset of these images, in their order; its training split is empty where it is only tested on."""
    train, query, gallery = (_split(images.get(name, ())) for name in ("train", "query", "gallery"))
    return Dataset(dataset_id, root, train, query, gallery, passport)


def inspected(
    dataset_id: str, root: Path, images: Images, published: Mapping[str, int], remarks: Iterable[str] = ()
) -> Passport:
    """The passport of the image files themselves, their counts set against the ``published`` ones.

    The fingerprint is over split, file name, content, identity and camera, so that copies of a dataset that differ in
    the names of their folders have one fingerprint. Raises BadInput for a file that is there twice or unreadable.
    """
    refuse_doubles(root, images)
    digests = _digests(root, {image.name for inside in images.values() for image in inside})
    files = [
        (f"{split}/{_file(image)}", digests[image.name], image.identity, image.camera)
        for split, inside in images.items()
        for image in inside
    ]
    copies = [remark for split, inside in images.items() for remark in _copies(split, inside, digests)]
    found = counts(images, published)
    return verified(dataset_id, fingerprint(files), found, published, (*remarks, *single_images(images), *copies))


def stating(passport: Passport, fact: str) -> Passport:
    """The passport with a fact on which of several known forms of the dataset it is added to its variant."""
    return replace(passport, variant=f"{passport.variant} ({fact})")


def counts(images: Images, published: Mapping[str, int]) -> dict[str, int]:
    """Counts as in ``Passport``, of what there is a published count of."""
    people = {split: {image.identity for image in inside} for split, inside in images.items()}
    found = {f"{split}_images": len(inside) for split, inside in images.items()}
    found |= {f"{split}_ids": len(identities) for split, identities in people.items()}
    found["cameras"] = len({image.camera for inside in images.values() for image in inside})
    found["train_ids_in_test"] = len(people.get("train", set()) & (people["query"] | people["gallery"]))
    return {name: count for name, count in found.items() if name in published}


def single_images(images: Images) -> Iterator[str]:
    """A remark on the training identities of one image, where there are some."""
    sizes = Counter(image.identity for image in images.get("train", ()))
    single = sorted(identity for identity, count in sizes.items() if count == 1)
    if single:
        first = ", ".join(map(str, single[:3]))
        yield f"Training identities with one image only, which form no positive pair: {len(single)} (first: {first})."


def refuse_doubles(root: Path, images: Images) -> None:
    """Raise BadInput when a split has one image twice: listed twice, in two folders, or under two suffixes."""
    for split, inside in images.items():
        first: dict[str, str] = {}
        doubles = []
        for image in inside:
            stem = _file(image).rpartition(".")[0].lower()
            if stem in first:
                doubles.append(f"{first[stem]} and {image.name}")
            first.setdefault(stem, image.name)
        if doubles:
            raise BadInput(
                f"{root}: {len(doubles)} {split} image(s) are there twice ({'; '.join(doubles[:3])}); "
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
    # All splits at once: what is kept of a folder is of one set of its files.
    by_folder: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        folder, _, file = name.rpartition("/")
        by_folder[folder].append(file)
    return {
        f"{folder}/{file}" if folder else file: digest
        for folder, files in by_folder.items()
        for file, digest in zip(files, content_digests(root / folder, files), strict=True)
    }


def _copies(split: str, images: Sequence[NamedImage], digests: Mapping[str, str]) -> Iterator[str]:
    """A remark on the images of a split whose content another of its images has too, where there are some."""
    first: dict[str, str] = {}
    copies = []
    for image in images:
        other = first.setdefault(digests[image.name], image.name)
        if other != image.name:
            copies.append(f"{image.name} is {other}")
    if copies:
        yield f"Images of {split} that are byte for byte another one: {len(copies)} (first: {copies[0]})."
