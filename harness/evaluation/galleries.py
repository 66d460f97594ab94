"""Galleries of a protocol with several trials: the gallery images that each trial ranks.

SYSU-MM01 is scored in ten trials, each with one image of every person from every visible camera. Which one is drawn
moves Rank-1, and two draws are in use: the seeded one of the authors of DDAG, behind that paper's tables, and the one
that the owners of SYSU-MM01 fixed in ``rand_perm_cam.mat``.
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


def one_image_a_camera(gallery_ids: Labels, gallery_cams: Labels) -> tuple[Labels, ...]:
    """One image of every person from every camera that saw them, drawn anew in each of ``TRIALS`` trials.

    DDAG Sec. 4 and its authors' code: trial t seeds Python's generator with t, then, identities ascending and within
    them cameras ascending, takes one image of each pair that exists. A pair without images takes no draw. The images
    of a pair must stand in the order of their file names, for a trial to be the authors' own.
    """
    choices = list(_rows_by_person_and_camera(gallery_ids, gallery_cams).values())
    trials = []
    for trial in range(TRIALS):
        chance = random.Random(trial)
        trials.append(np.array([chance.choice(rows) for rows in choices], np.int64))
    return tuple(trials)


@dataclass(frozen=True, eq=False)
class FixedGalleries:
    """One image of every person from every camera, as somebody has fixed it; a ``Draw``.

    ``images`` maps identity and camera to the number of the image, from 1 in the order of file names, of each trial.
    ``source`` is the file that says so.
    """

    images: Mapping[PersonInCamera, tuple[int, ...]]
    source: Path

    def __call__(self, gallery_ids: Labels, gallery_cams: Labels) -> tuple[Labels, ...]:
        """The gallery rows of each trial.

        Raises BadInput naming the file when it has no choice for a person and camera, or one past their images.
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


def owners_galleries(file: Path) -> FixedGalleries:
    """The single-shot galleries that the owners of SYSU-MM01 fixed, from their ``rand_perm_cam.mat``.

    The file holds, for each camera and person, one permutation of that person's images a trial; a single-shot gallery
    takes the first image of it (Wu et al., ICCV 2017, and the evaluation code that they publish). Use it as
    ``dataclasses.replace(PROTOCOLS["sysu_all"], id="sysu_all_owners", draw=owners_galleries(file))``.

    Raises BadInput when the file is missing or something else, or scipy, which reads it, is not installed.
    """
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise BadInput(f"{file} can be read with scipy only; install it with: pip install scipy") from error
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
            f"{file} is not the owners' rand_perm_cam.mat ({error}); get it from the evaluation folder that the owners "
            "of SYSU-MM01 publish"
        ) from error
    return FixedGalleries(images, file)


def _rows_by_person_and_camera(gallery_ids: Labels, gallery_cams: Labels) -> dict[PersonInCamera, list[int]]:
    """The gallery rows of each identity and camera, ascending; identities ascending, within them cameras."""
    rows: dict[PersonInCamera, list[int]] = {}
    for row in np.lexsort((gallery_cams, gallery_ids)).tolist():
        rows.setdefault((int(gallery_ids[row]), int(gallery_cams[row])), []).append(row)
    return rows
