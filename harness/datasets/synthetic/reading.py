"""Reads a generated edition back as a dataset, with its passport."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from harness.datasets.base import Dataset, Passport, Split
from harness.datasets.file_names import NamedImage, list_named_images
from harness.datasets.passport import content_digests, fingerprint
from harness.datasets.synthetic.edition import Edition
from harness.datasets.synthetic.shots import plan_shots
from harness.datasets.synthetic.writing import FINGERPRINT_FILE, FOLDERS, INFRARED_TWINS, SETTINGS_FILE
from harness.errors import BadInput

NAME = re.compile(r"(?P<identity>\d{4})_c(?P<camera>[1-9])s1_\d{6}_00\.png")


def read_edition(folder: Path) -> Dataset:
    """The dataset in a folder drawn by ``generate``. Raises BadInput for another folder, or one changed since."""
    edition = _edition_of(folder)
    images = {
        split: list_named_images(folder / place, NAME, "0001_c1s1_000001_00.png") for split, place in FOLDERS.items()
    }
    found_images = {(split, image.name) for split, of_split in images.items() for image in of_split}
    if found_images != {(shot.split, shot.name) for shot in plan_shots(edition)}:
        raise BadInput(
            f"images are missing from {folder} or were added to it; delete that folder to have it drawn again"
        )
    found = _fingerprint(folder, edition, images)
    if found != _drawn(folder, found):
        raise BadInput(
            f"images of {folder} were changed since they were drawn; delete that folder to have it drawn again"
        )
    return Dataset(
        id=edition.flavour.id,
        root=folder,
        train=_split(FOLDERS["train"], images["train"]),
        query=_split(FOLDERS["query"], images["query"]),
        gallery=_split(FOLDERS["test"], images["test"]),
        infrared_cameras=edition.flavour.infrared_cameras,
        passport=Passport(edition.flavour.id, edition.variant(), found, _counts(images)),
        embedded=True,
    )


def _edition_of(folder: Path) -> Edition:
    file = folder / SETTINGS_FILE
    try:
        return Edition.from_settings(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInput(f"{file} cannot be read; delete {folder} to have the dataset drawn again") from error


def _drawn(folder: Path, found: str) -> str:
    """The fingerprint of the images as drawn; ``found`` for an old folder without the file of fingerprints."""
    file = folder / FINGERPRINT_FILE
    return file.read_text(encoding="utf-8", errors="replace").strip() if file.is_file() else found


def _split(place: str, images: list[NamedImage]) -> Split:
    return Split(
        tuple(f"{place}/{image.name}" for image in images),
        np.array([image.identity for image in images], dtype=np.int64),
        np.array([image.camera for image in images], dtype=np.int64),
    )


def _counts(images: dict[str, list[NamedImage]]) -> dict[str, int]:
    """Counts named as in ``Passport``. The gallery's identities do not include distractors."""
    counts = {}
    for split, word in (("train", "train"), ("query", "query"), ("test", "gallery")):
        counts[f"{word}_images"] = len(images[split])
        counts[f"{word}_ids"] = len({image.identity for image in images[split]} - {0})
    counts["distractor_images"] = sum(image.identity == 0 for image in images["test"])
    counts["cameras"] = len({image.camera for split in images.values() for image in split})
    return counts


def _fingerprint(folder: Path, edition: Edition, images: dict[str, list[NamedImage]]) -> str:
    """SHA-256 over every image and its infrared twin, if it has one."""
    kinds = ("", f"{INFRARED_TWINS}/") if edition.flavour.infrared_twins else ("",)
    rows = []
    for split, place in FOLDERS.items():
        names = [image.name for image in images[split]]
        for part in (f"{kind}{place}" for kind in kinds):
            try:
                digests = content_digests(folder / part, names)
            except (OSError, KeyError) as error:
                raise BadInput(
                    f"images are missing from {folder / part}; delete {folder} to have it drawn again"
                ) from error
            rows += [
                (f"{part}/{image.name}", digest, image.identity, image.camera)
                for image, digest in zip(images[split], digests, strict=True)
            ]
    return fingerprint(rows)
