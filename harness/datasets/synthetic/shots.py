"""Plans the images of an edition: person, split and camera of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from harness.datasets.synthetic.edition import Edition

TRAINING_MOMENTS = 2
"""Moments per training player, if all images of a test identity show one moment."""


@dataclass(frozen=True)
class Shot:
    """One image to be taken.

    ``person`` is the number of the drawn person: distractors differ in it, but all have identity 0. ``camera`` is the
    camera in the file's name, ``place`` the camera that takes the image. ``share`` of the height is kept, from the top.
    """

    split: str
    identity: int
    person: int
    camera: int
    place: int
    number: int
    share: float = 1.0

    @property
    def name(self) -> str:
        """Market-1501's file name: identity, camera and sequence, frame, detection."""
        return f"{self.identity:04d}_c{self.camera}s1_{self.number:06d}_00.png"


def plan_shots(edition: Edition) -> list[Shot]:
    """Plan every image of an edition. The gallery has an image of each query's identity from another camera."""
    numbers = count(1)
    shots: list[Shot] = []
    for identity in range(1, edition.train_ids + 1):
        for camera, place in _training(edition, identity):
            shots.append(Shot("train", identity, identity, camera, place, next(numbers)))
    for identity in range(edition.train_ids + 1, edition.train_ids + edition.test_ids + 1):
        for split, camera, place in _test(edition, identity):
            number = next(numbers)
            share = _share(edition, identity + number) if split == "query" else 1.0
            shots.append(Shot(split, identity, identity, camera, place, number, share))
    for stranger in range(edition.distractors):
        person = edition.train_ids + edition.test_ids + 1 + stranger
        cameras = edition.flavour.gallery_cameras or range(1, edition.flavour.cameras + 1)
        camera = int(cameras[np.random.default_rng((edition.seed, 4, person)).integers(len(cameras))])
        shots.append(Shot("test", 0, person, camera, _place(edition, camera), next(numbers)))
    return shots


def _training(edition: Edition, identity: int) -> Iterator[tuple[int, int]]:
    """Camera and place of each training image of an identity."""
    flavour = edition.flavour
    if flavour.one_moment:
        rng = np.random.default_rng((edition.seed, 5, identity))
        places = rng.permutation(flavour.cameras)[:TRAINING_MOMENTS] + 1
        yield from ((1, place) for place in _evenly(places.tolist(), edition.train_images))
        return
    if flavour.infrared_cameras:  # Everyone is seen in both lights; a third of the images is infrared, as in SYSU-MM01.
        rng = np.random.default_rng((edition.seed, 5, identity))
        infrared = max(1, edition.train_images // 3)
        cameras = _some(rng, flavour.query_cameras, infrared)
        cameras += _some(rng, flavour.gallery_cameras, edition.train_images - infrared)
    else:
        cameras = _cameras_of(edition, identity, edition.train_images)
    yield from ((camera, _place(edition, camera)) for camera in cameras)


def _test(edition: Edition, identity: int) -> Iterator[tuple[str, int, int]]:
    """Split, camera and place of each test image of an identity."""
    flavour = edition.flavour
    rng = np.random.default_rng((edition.seed, 4, identity))
    if flavour.query_cameras:
        moment = int(rng.integers(1, flavour.cameras + 1)) if flavour.one_moment else None
        found = [("query", camera) for camera in _some(rng, flavour.query_cameras, flavour.query_images)]
        whole = edition.test_images - flavour.query_images
        found += [("test", camera) for camera in _some(rng, flavour.gallery_cameras, whole)]
        yield from ((split, camera, moment or _place(edition, camera)) for split, camera in found)
        return
    cameras = _cameras_of(edition, identity, edition.test_images + int(rng.integers(-2, 3)))
    asked = set(rng.permutation([camera for camera in set(cameras) if cameras.count(camera) > 1])[:3].tolist())
    for camera in cameras:
        yield "query" if camera in asked else "test", camera, camera
        asked.discard(camera)


def _cameras_of(edition: Edition, identity: int, images: int) -> list[int]:
    """The camera of each image of an identity, in order: two to five cameras, as evenly as possible."""
    rng = np.random.default_rng((edition.seed, 5, identity))
    seen = rng.permutation(edition.flavour.cameras)[: max(2, min(int(rng.integers(4, 6)), images // 2))] + 1
    return _evenly(seen.tolist(), images)


def _some(rng: np.random.Generator, cameras: Sequence[int], images: int) -> list[int]:
    """The camera of each of ``images`` images, two per camera if possible: not everyone passes every camera."""
    return _evenly(rng.permutation(cameras)[: max(1, images // 2)].tolist(), images)


def _evenly(cameras: Sequence[int], images: int) -> list[int]:
    return sorted(cameras[number % len(cameras)] for number in range(images))


def _place(edition: Edition, camera: int) -> int:
    return edition.flavour.same_room.get(camera, camera)


def _share(edition: Edition, turn: int) -> float:
    shares = edition.flavour.query_shares
    return shares[turn % len(shares)] if shares else 1.0
