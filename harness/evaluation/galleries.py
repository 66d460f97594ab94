"""Galleries of a protocol with several trials: the gallery images that each trial ranks.

SYSU-MM01 is scored in ten trials, each with one image per person and visible camera. The choice of these images moves
Rank-1. Two choices are in use: the seeded draw of the authors of DDAG, behind the tables of their paper, and the
galleries that the owners of SYSU-MM01 fixed in ``rand_perm_cam.mat``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInput

TRIALS = 10

Labels = NDArray[np.int64]

Draw = Callable[[Labels, Labels], tuple[Labels, ...]]
"""From identities and cameras of all gallery images (G,) to the gallery rows of each trial."""

PersonInCamera = tuple[int, int]
"""Identity and camera: one folder of SYSU-MM01."""


def one_image_per_camera(gallery_ids: Labels, gallery_cams: Labels) -> tuple[Labels, ...]:
    """Draw one image per person and camera, anew in each of ``TRIALS`` trials.

    DDAG Sec. 4 and its authors' code: trial t seeds Python's generator with t, then takes one image of each (identity,
    camera) pair that exists, identities ascending and within them cameras ascending. A pair without images takes no
    draw. To repeat the authors' trials, the images of a pair must be in the order of their file names.
    """
    choices = list(_rows_by_person_and_camera(gallery_ids, gallery_cams).values())
    trials = []
    for trial in range(TRIALS):
        generator = random.Random(trial)
        trials.append(np.array([generator.choice(rows) for rows in choices], np.int64))
    return tuple(trials)


@dataclass(frozen=True, eq=False)
class FixedGalleries:
    """One image per person and camera, read from a file; a ``Draw``.

    ``images`` maps identity and camera to the image number in each trial, from 1, in the order of file names.
    ``source`` is the file.
    """

    images: Mapping[PersonInCamera, tuple[int, ...]]
    source: Path

    def __call__(self, gallery_ids: Labels, gallery_cams: Labels) -> tuple[Labels, ...]:
        """The gallery rows of each trial.

        Raises BadInput, naming the file, when it lacks a person and camera or chooses an image that does not exist.
        """
        chosen = [
            self._chosen(person_in_camera, rows)
            for person_in_camera, rows in _rows_by_person_and_camera(gallery_ids, gallery_cams).items()
        ]
        return tuple(np.array(rows, np.int64) for rows in zip(*chosen, strict=True))

    def _chosen(self, person_in_camera: PersonInCamera, rows: list[int]) -> list[int]:
        numbers = self.images.get(person_in_camera, ())
        if not numbers or max(numbers) > len(rows):
            identity, camera = person_in_camera
            raise BadInput(
                f"{self.source} does not fit the gallery: person {identity} has {len(rows)} images in camera {camera}, "
                f"the file chooses {f'number {max(numbers)}' if numbers else 'none'}; check that no image is missing"
            )
        return [rows[number - 1] for number in numbers]


def read_fixed_galleries(file: Path) -> FixedGalleries:
    """Read the single-shot galleries that the owners of SYSU-MM01 fixed, from their ``rand_perm_cam.mat``.

    For each camera and person the file holds one permutation of the images per trial. A single-shot gallery takes the
    first image of each permutation (Wu et al., ICCV 2017, and their published evaluation code). Use it as
    ``dataclasses.replace(PROTOCOLS["sysu_all"], id="sysu_all_owners", draw=read_fixed_galleries(file))``.

    Raises BadInput when the file is missing or is another file, or when scipy is not installed.
    """
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise BadInput(f"{file} needs scipy to be read; install it with: pip install scipy") from error
    try:
        cameras = [camera.ravel() for camera in loadmat(file)["rand_perm_cam"].ravel()]
        images = {
            (person, camera): tuple(int(number) for number in permutations[:, 0])
            for camera, people in enumerate(cameras, start=1)
            for person, permutations in enumerate(people, start=1)
            if permutations.size
        }
    except (OSError, KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise BadInput(
            f"{file} is not the owners' rand_perm_cam.mat ({error}); take it from the evaluation folder published with "
            "SYSU-MM01"
        ) from error
    return FixedGalleries(images, file)


def _rows_by_person_and_camera(gallery_ids: Labels, gallery_cams: Labels) -> dict[PersonInCamera, list[int]]:
    """The gallery rows of each identity and camera, ascending; identities ascending, within them cameras."""
    rows: dict[PersonInCamera, list[int]] = {}
    for row in np.lexsort((gallery_cams, gallery_ids)).tolist():
        rows.setdefault((int(gallery_ids[row]), int(gallery_cams[row])), []).append(row)
    return rows
