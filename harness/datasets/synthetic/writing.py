"""Generates an edition on disk, in Market-1501's layout, whole or not at all."""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from harness.datasets.synthetic.camera import CAMERAS, Camera, build_camera
from harness.datasets.synthetic.edition import Difficulty, Edition
from harness.datasets.synthetic.person import Person, draw_person
from harness.datasets.synthetic.photograph import COLUMNS, ROWS, Photograph, draw_passage, photograph
from harness.errors import BadInput

FOLDERS = {"train": "bounding_box_train", "query": "query", "test": "bounding_box_test"}
"""Splits as priors files name them, and Market-1501's folders."""

SETTINGS_FILE = "edition.json"
"""Written last: a folder that has it is complete."""


@dataclass(frozen=True)
class Shot:
    """One image to be taken. ``person`` is whose body is drawn: distractors differ in it, yet all have identity 0."""

    split: str
    identity: int
    person: int
    camera: int
    number: int

    @property
    def name(self) -> str:
        """Market-1501's file name: identity, camera and sequence, frame, detection."""
        return f"{self.identity:04d}_c{self.camera}s1_{self.number:06d}_00.png"


def generate(
    cache: Path,
    seed: int = 0,
    difficulty: Difficulty | None = None,
    *,
    train_ids: int = 100,
    test_ids: int = 100,
    train_images: int = 12,
    test_images: int = 10,
    distractors: int = 120,
) -> Path:
    """Draws a dataset under ``cache`` and returns its folder; one that is already complete is used as it is.

    Sizes are those of ``Edition``. Raises BadInput where a setting is out of range or the cache cannot be written.
    """
    edition = Edition(seed, difficulty or Difficulty(), train_ids, test_ids, train_images, test_images, distractors)
    return write_edition(cache, edition)


def write_edition(cache: Path, edition: Edition) -> Path:
    """Draws an edition beside its final place and then renames it: a killed generation leaves no half of one."""
    folder = cache / edition.folder_name
    if (folder / SETTINGS_FILE).is_file():
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{edition.folder_name}-", dir=cache) as workplace:
            unfinished = Path(workplace) / "dataset"
            _draw_all(unfinished, edition)
            _put_in_place(unfinished, folder)
    except OSError as error:
        raise BadInput(
            f"cannot write the synthetic dataset in {cache} ({error.strerror or error}); "
            "free some space there or set HARNESS_CACHE to another folder"
        ) from error
    return folder


def _put_in_place(unfinished: Path, folder: Path) -> None:
    """Renames the finished folder; where another process was faster, its folder (the same bytes) stays."""
    if folder.exists() and not (folder / SETTINGS_FILE).is_file():
        shutil.rmtree(folder)
    try:
        unfinished.rename(folder)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY) or not (folder / SETTINGS_FILE).is_file():
            raise


def plan(edition: Edition) -> list[Shot]:
    """Every image of an edition. Each query has an image of its identity from another camera in the gallery."""
    shots: list[Shot] = []
    for identity in range(1, edition.train_ids + 1):
        for camera in _cameras_of(edition, identity, edition.train_images):
            shots.append(Shot("train", identity, identity, camera, len(shots) + 1))
    for identity in range(edition.train_ids + 1, edition.train_ids + edition.test_ids + 1):
        rng = np.random.default_rng((edition.seed, 4, identity))
        cameras = _cameras_of(edition, identity, edition.test_images + int(rng.integers(-2, 3)))
        asked = set(rng.permutation([camera for camera in set(cameras) if cameras.count(camera) > 1])[:3].tolist())
        for camera in cameras:
            split = "query" if camera in asked else "test"
            asked.discard(camera)
            shots.append(Shot(split, identity, identity, camera, len(shots) + 1))
    for stranger in range(edition.distractors):
        person = edition.train_ids + edition.test_ids + 1 + stranger
        camera = int(np.random.default_rng((edition.seed, 4, person)).integers(1, CAMERAS + 1))
        shots.append(Shot("test", 0, person, camera, len(shots) + 1))
    return shots


def _cameras_of(edition: Edition, identity: int, images: int) -> list[int]:
    """The camera of each of an identity's images, in order: up to five cameras, as evenly as it goes, two at least."""
    rng = np.random.default_rng((edition.seed, 5, identity))
    seen = rng.permutation(CAMERAS)[: max(2, min(int(rng.integers(4, 6)), images // 2))] + 1
    return sorted(int(seen[number % len(seen)]) for number in range(images))


def take(edition: Edition, shots: list[Shot]) -> Iterator[tuple[Shot, Photograph]]:
    """Draws the images asked for. Each depends on its own seeds only, not on what else is drawn."""

    @cache
    def camera_of(number: int) -> Camera:
        return build_camera(edition.seed, number, edition.difficulty, ROWS, COLUMNS)

    @cache
    def person_of(number: int) -> Person:
        return draw_person(np.random.default_rng((edition.seed, 0, number)), edition.difficulty.wardrobe)

    for shot in shots:
        camera = camera_of(shot.camera)
        passage = draw_passage(np.random.default_rng((edition.seed, 2, shot.person, shot.camera)), camera)
        rng = np.random.default_rng((edition.seed, 3, shot.number))
        yield shot, photograph(person_of(shot.person), camera, passage, rng, edition.difficulty)


def _draw_all(folder: Path, edition: Edition) -> None:
    for name in FOLDERS.values():
        (folder / name).mkdir(parents=True)
        (folder / "infrared" / name).mkdir(parents=True)
    truths: dict[str, list[tuple[str, Photograph]]] = {split: [] for split in FOLDERS}
    for shot, picture in take(edition, plan(edition)):
        place = Path(FOLDERS[shot.split]) / shot.name
        picture.image.save(folder / place, compress_level=1)
        picture.infrared.save(folder / "infrared" / place, compress_level=1)
        truths[shot.split].append((shot.name, picture))
    for split, rows in truths.items():
        _write_priors(folder / f"priors_{split}.npz", sorted(rows, key=lambda row: row[0]))
    (folder / SETTINGS_FILE).write_text(json.dumps(edition.settings(), indent=1) + "\n", encoding="utf-8")


def _write_priors(file: Path, rows: list[tuple[str, Photograph]]) -> None:
    """The truth of a split, in the format of Market-1501's priors files, and the parsing maps."""
    parsing = np.stack([picture.parsing for _, picture in rows])
    np.savez_compressed(
        file,
        names=np.array([name for name, _ in rows]),
        keypoints=np.stack([picture.keypoints for _, picture in rows]).astype(np.float16),
        presence=np.ones(len(rows), dtype=np.float16),
        mask=np.packbits(parsing.reshape(len(rows), -1) > 0, axis=1),
        parsing=parsing,
    )
