"""Draws an edition on disk, in Market-1501's layout. It is whole or not there."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from harness.datasets.passport import fingerprint
from harness.datasets.synthetic.camera import Camera, build_camera
from harness.datasets.synthetic.cutting import crop_upper
from harness.datasets.synthetic.edition import Difficulty, Edition
from harness.datasets.synthetic.people import Person, draw_someone
from harness.datasets.synthetic.photograph import COLUMNS, ROWS, Photograph, draw_passage, photograph
from harness.datasets.synthetic.shots import Shot, plan_shots
from harness.errors import BadInput

FOLDERS = {"train": "bounding_box_train", "query": "query", "test": "bounding_box_test"}
"""Split, as named in files of priors -> Market-1501's folder."""

INFRARED_TWINS = "infrared"
"""Folder of the infrared twins. Its layout is that of the images."""

FINGERPRINT_FILE = "fingerprint.txt"
"""Holds the fingerprint of the images as drawn."""

SETTINGS_FILE = "edition.json"
"""Written last: a folder with it is complete."""


def generate(
    cache: Path,
    seed: int = 0,
    difficulty: Difficulty | None = None,
    *,
    train_ids: int = 120,
    test_ids: int = 600,
    train_images: int = 10,
    test_images: int = 6,
    distractors: int = 120,
) -> Path:
    """Draw a dataset. A complete folder is used as it is.

    Args:
        cache: The dataset's folder is made in this one.
        seed: Seed of people, cameras and images, from 0.
        difficulty: The knobs; by default the plain ones.
        train_ids: Training identities.
        test_ids: Test identities.
        train_images: Images per training identity.
        test_images: Mean number of images per test identity, queries included.
        distractors: Gallery images of people in neither set.

    Returns:
        The dataset's folder.

    Raises:
        BadInput: A setting is out of range, or the cache cannot be written.
    """
    edition = Edition(seed, difficulty or Difficulty(), train_ids, test_ids, train_images, test_images, distractors)
    return write_edition(cache, edition)


def write_edition(cache: Path, edition: Edition) -> Path:
    """Draw an edition beside its final place, then rename it: a killed process leaves nothing half drawn.

    Returns its folder in ``cache``. Raises BadInput if the cache cannot be written.
    """
    folder = cache / edition.folder_name
    if (folder / SETTINGS_FILE).is_file():
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{edition.folder_name}-", dir=cache) as aside:
            unfinished = Path(aside) / "dataset"
            _draw_all(unfinished, edition)
            _put_in_place(unfinished, folder)
    except OSError as error:
        raise BadInput(
            f"cannot write the synthetic dataset in {cache} ({error.strerror or error}); "
            "free some space there or set HARNESS_CACHE to another folder"
        ) from error
    return folder


def _put_in_place(unfinished: Path, folder: Path) -> None:
    """Rename the finished folder. If another process was faster, its folder (with the same bytes) stays."""
    if folder.exists() and not (folder / SETTINGS_FILE).is_file():
        shutil.rmtree(folder)
    try:
        unfinished.rename(folder)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY) or not (folder / SETTINGS_FILE).is_file():
            raise


def take_photographs(edition: Edition, shots: list[Shot]) -> Iterator[tuple[Shot, Photograph]]:
    """Draw the images of ``shots``. Each depends only on its own seeds, not on the other images."""
    flavour = edition.flavour

    @cache
    def camera_of(place: int) -> Camera:
        return build_camera(edition.seed, place, edition.difficulty, flavour, (ROWS, COLUMNS))

    @cache
    def person_of(number: int) -> Person:
        return draw_someone(flavour.people, np.random.default_rng((edition.seed, 0, number)), edition.difficulty)

    for shot in shots:
        camera = camera_of(shot.place)
        passage = draw_passage(np.random.default_rng((edition.seed, 2, shot.person, shot.place)), camera)
        rng = np.random.default_rng((edition.seed, 3, shot.number))
        knobs = edition.difficulty_of(shot.split)
        in_infrared = shot.camera in flavour.infrared_cameras
        picture = photograph(person_of(shot.person), camera, passage, rng, knobs, flavour, in_infrared)
        yield shot, picture if shot.share == 1 else crop_upper(picture, shot.share)


def _draw_all(folder: Path, edition: Edition) -> None:
    for name in FOLDERS.values():
        (folder / name).mkdir(parents=True)
        if edition.flavour.infrared_twins:
            (folder / INFRARED_TWINS / name).mkdir(parents=True)
    truths: dict[str, list[tuple[str, Photograph]]] = {split: [] for split in FOLDERS}
    drawn: list[tuple[str, str, int, int]] = []
    for shot, picture in take_photographs(edition, plan_shots(edition)):
        place = f"{FOLDERS[shot.split]}/{shot.name}"
        images = {place: picture.image}
        if picture.infrared_twin is not None:
            images[f"{INFRARED_TWINS}/{place}"] = picture.infrared_twin
        for name, image in images.items():
            image.save(folder / name, compress_level=1)
            digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
            drawn.append((name, digest, shot.identity, shot.camera))
        truths[shot.split].append((shot.name, picture))
    for split, rows in truths.items():
        _write_priors(folder / f"priors_{split}.npz", sorted(rows, key=lambda row: row[0]))
    (folder / FINGERPRINT_FILE).write_text(fingerprint(drawn) + "\n", encoding="utf-8")
    (folder / SETTINGS_FILE).write_text(json.dumps(edition.settings(), indent=1) + "\n", encoding="utf-8")


def _write_priors(file: Path, rows: list[tuple[str, Photograph]]) -> None:
    """Write the truth of a split as a file of priors, parsing maps included."""
    parsing = np.stack([picture.parsing for _, picture in rows])
    np.savez_compressed(
        file,
        names=np.array([name for name, _ in rows]),
        keypoints=np.stack([picture.keypoints for _, picture in rows]).astype(np.float16),
        presence=np.ones(len(rows), dtype=np.float16),
        mask=np.packbits(parsing.reshape(len(rows), -1) > 0, axis=1),
        parsing=parsing,
    )
