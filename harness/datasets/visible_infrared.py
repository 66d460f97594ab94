"""Datasets of visible and infrared images, each image in a folder of its person: from the images to the dataset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from harness.datasets.assemble import Images, assembled
from harness.datasets.base import Dataset
from harness.datasets.file_names import NamedImage
from harness.datasets.passport import content_digests, fingerprint, verified


def visible_infrared_dataset(
    dataset_id: str,
    root: Path,
    images: Images,
    infrared_cameras: tuple[int, ...],
    published: Mapping[str, int],
    further_counts: Mapping[str, int],
) -> Dataset:
    """The dataset of these images, called by their names relative to ``root``, with its passport.

    ``further_counts`` are counts beside those of images, identities and cameras. Raises BadInput for an image that
    cannot be read.
    """
    everything = [image for inside in images.values() for image in inside]
    digests = _digests(root, everything)
    files = [
        # The split as well: RegDB's two directions are the same images in other roles.
        (f"{split}/{image.name}", digests[image.name], image.identity, image.camera)
        for split, inside in images.items()
        for image in inside
    ]
    counts = {
        **{f"{split}_images": len(inside) for split, inside in images.items()},
        **{f"{split}_ids": len({image.identity for image in inside}) for split, inside in images.items()},
        "cameras": len({image.camera for image in everything}),
        **further_counts,
    }
    passport = verified(dataset_id, fingerprint(files), counts, published)
    return replace(assembled(dataset_id, root, images, passport), infrared_cameras=infrared_cameras)


def _digests(root: Path, images: Sequence[NamedImage]) -> dict[str, str]:
    """SHA-256 of the content of each image, by its name, read one folder after another."""
    by_folder: dict[PurePosixPath, list[str]] = defaultdict(list)
    for image in images:
        file = PurePosixPath(image.name)
        by_folder[file.parent].append(file.name)
    return {
        str(folder / name): digest
        for folder, names in by_folder.items()
        for name, digest in zip(names, content_digests(root / folder, names), strict=True)
    }
