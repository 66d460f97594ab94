"""A contact sheet, to see at a glance what the synthetic dataset looks like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from harness.datasets.base import Dataset
from harness.datasets.synthetic.camera import CAMERAS
from harness.datasets.synthetic.edition import HEIGHT, WIDTH

GAP = 2
PER_CAMERA = 2
TWINS = 2
"""Columns of infrared twins, and of images with their truth drawn over, at the right."""

LABEL_COLOURS = np.array([(0, 0, 0), (230, 60, 60), (70, 190, 90), (70, 120, 230), (240, 190, 50)], dtype=np.uint8)
"""Background, head, torso and arms, left leg, right leg."""


def contact_sheet(dataset: Dataset, rows: int = 8) -> Image.Image:
    """Training identities in rows: two images under each of the six cameras (dark where there is none), then infrared
    twins of the first images, then the same images with their parsing map and visible keypoints drawn over."""
    identities = np.unique(dataset.train.identities)[:rows]
    columns = CAMERAS * PER_CAMERA + 2 * TWINS
    sheet = Image.new("RGB", (columns * (WIDTH + GAP) + GAP, len(identities) * (HEIGHT + GAP) + GAP), (40, 40, 40))
    with np.load(dataset.root / "priors_train.npz") as truth:
        names = {str(name): row for row, name in enumerate(truth["names"])}
        keypoints, parsing = truth["keypoints"], truth["parsing"]
    for line, identity in enumerate(identities):
        mine = np.flatnonzero(dataset.train.identities == identity)
        for column, row in enumerate(_columns(dataset.train.cameras, mine)):
            if row is not None:
                _place(sheet, line, column, Image.open(dataset.root / dataset.train.names[row]))
        for column, row in enumerate(mine[:TWINS].tolist()):
            name = dataset.train.names[row]
            at = names[name.rpartition("/")[2]]
            _place(sheet, line, CAMERAS * PER_CAMERA + column, Image.open(dataset.root / "infrared" / name))
            seen = _with_truth(Image.open(dataset.root / name), parsing[at], keypoints[at])
            _place(sheet, line, CAMERAS * PER_CAMERA + TWINS + column, seen)
    return sheet


def _columns(cameras: NDArray[np.int64], mine: NDArray[np.intp]) -> list[int | None]:
    """The image shown in each of the cameras' columns."""
    chosen: list[int | None] = []
    for camera in range(1, CAMERAS + 1):
        found = [int(row) for row in mine if cameras[row] == camera][:PER_CAMERA]
        chosen += [*found, *[None] * (PER_CAMERA - len(found))]
    return chosen


def _place(sheet: Image.Image, line: int, column: int, image: Image.Image) -> None:
    sheet.paste(image.convert("RGB"), (GAP + column * (WIDTH + GAP), GAP + line * (HEIGHT + GAP)))


def _with_truth(image: Image.Image, parsing: NDArray[np.uint8], keypoints: NDArray[np.float16]) -> Image.Image:
    labels = Image.fromarray(LABEL_COLOURS[parsing]).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)
    shown = Image.blend(image.convert("RGB"), labels, 0.5)
    pen = ImageDraw.Draw(shown)
    for x, y, confidence in keypoints.astype(float):
        if confidence == 1:
            pen.ellipse((x * WIDTH - 1, y * HEIGHT - 1, x * WIDTH + 1, y * HEIGHT + 1), fill=(255, 255, 255))
    return shown
