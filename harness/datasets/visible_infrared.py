"""Assembles a dataset of visible and infrared images. Each image lies in a folder of its person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from harness.datasets.assemble import Images, assemble
from harness.datasets.base import Dataset
from harness.datasets.file_names import NamedImage
from harness.datasets.passport import content_digests, fingerprint, make_passport


def assemble_visible_infrared(
    dataset_id: str,
    root: Path,
    images: Images,
    infrared_cameras: tuple[int, ...],
    published: Mapping[str, int],
    further_counts: Mapping[str, int],
) -> Dataset:
    """The dataset of these images, with its passport.

    Args:
        dataset_id: Id of the dataset.
        root: The dataset's root.
        images: The images of each split.
        infrared_cameras: Cameras whose images are infrared.
        published: Published counts, named as in ``Passport``.
        further_counts: Counts found, beside those of images, identities and cameras.

    Raises:
        BadInput: An image cannot be read.
    """
    everything = [image for inside in images.values() for image in inside]
    digests = _digests(root, everything)
    files = [
        # The split enters too: RegDB's two directions have the same images in other splits.
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
    passport = make_passport(dataset_id, fingerprint(files), counts, published)
    return replace(assemble(dataset_id, root, images, passport), infrared_cameras=infrared_cameras)


def _digests(root: Path, images: Sequence[NamedImage]) -> dict[str, str]:
    """SHA-256 of the content of each image, by its name. Folders are read one by one."""
    by_folder: dict[PurePosixPath, list[str]] = defaultdict(list)
    for image in images:
        file = PurePosixPath(image.name)
        by_folder[file.parent].append(file.name)
    return {
        str(folder / name): digest
        for folder, names in by_folder.items()
        for name, digest in zip(names, content_digests(root / folder, names), strict=True)
    }
