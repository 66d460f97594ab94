"""A contact sheet of a synthetic dataset."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from harness.datasets.base import Dataset, Split
from harness.datasets.synthetic.edition import HEIGHT, WIDTH
from harness.datasets.synthetic.writing import INFRARED_TWINS

GAP = 2
TRAIN, QUERY, GALLERY, TRUTH = 6, 3, 4, 2
"""Columns of training images, queries, gallery images, and images with their truth."""

LABEL_COLOURS = np.array([(0, 0, 0), (230, 60, 60), (70, 190, 90), (70, 120, 230), (240, 190, 50)], dtype=np.uint8)
"""Background, head, torso and arms, left leg, right leg."""


def contact_sheet(dataset: Dataset, rows: int = 8) -> Image.Image:
    """One row per training and test identity: training images, queries, gallery images (dark if there are too few).

    If the dataset has infrared twins, the first training image's twin follows. The last columns show the first query
    and gallery image with parsing map and visible keypoints drawn over them.
    """
    trained = np.unique(dataset.train.identities)[:rows]
    tested = np.unique(dataset.query.identities)[:rows]
    with_twins = (dataset.root / INFRARED_TWINS).is_dir()
    columns = TRAIN + QUERY + GALLERY + with_twins + TRUTH
    lines = max(len(trained), len(tested))
    sheet = Image.new("RGB", (columns * (WIDTH + GAP) + GAP, lines * (HEIGHT + GAP) + GAP), (40, 40, 40))
    for line, identity in enumerate(trained):
        names = _choose_names(dataset.train, identity, TRAIN)
        _place_all(sheet, line, 0, [_open(dataset, name) for name in names])
        if with_twins:
            _place_all(sheet, line, TRAIN + QUERY + GALLERY, [_open(dataset, f"{INFRARED_TWINS}/{names[0]}")])
    truths = {split: _truth(dataset, split) for split in ("query", "test")}
    for line, identity in enumerate(tested):
        queries = _choose_names(dataset.query, identity, QUERY)
        found = _choose_names(dataset.gallery, identity, GALLERY)
        _place_all(sheet, line, TRAIN, [_open(dataset, name) for name in queries])
        _place_all(sheet, line, TRAIN + QUERY, [_open(dataset, name) for name in found])
        explained = [
            _with_truth(_open(dataset, name), *truths[split][name.rpartition("/")[2]])
            for split, name in (("query", queries[0]), ("test", found[0]))
        ]
        _place_all(sheet, line, columns - TRUTH, explained)
    return sheet


def _choose_names(split: Split, identity: int, most: int) -> list[str]:
    """Up to ``most`` names of an identity's images, spread evenly, so that several cameras are shown."""
    rows = np.flatnonzero(split.identities == identity)
    chosen = np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)
    return [split.names[row] for row in rows[chosen]]


def _open(dataset: Dataset, name: str) -> Image.Image:
    return Image.open(dataset.root / name).convert("RGB")


def _place_all(sheet: Image.Image, line: int, column: int, images: list[Image.Image]) -> None:
    for number, image in enumerate(images):
        sheet.paste(image, (GAP + (column + number) * (WIDTH + GAP), GAP + line * (HEIGHT + GAP)))


def _truth(dataset: Dataset, split: str) -> dict[str, tuple[NDArray[np.uint8], NDArray[np.float16]]]:
    """Parsing map and keypoints of each image of a split, by file name."""
    with np.load(dataset.root / f"priors_{split}.npz") as truth:
        rows = zip(truth["parsing"], truth["keypoints"], strict=True)
        return dict(zip(map(str, truth["names"]), rows, strict=True))


def _with_truth(image: Image.Image, parsing: NDArray[np.uint8], keypoints: NDArray[np.float16]) -> Image.Image:
    labels = Image.fromarray(LABEL_COLOURS[parsing]).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)
    shown = Image.blend(image, labels, 0.5)
    pen = ImageDraw.Draw(shown)
    for x, y, confidence in keypoints.astype(float):
        if confidence == 1:
            pen.ellipse((x * WIDTH - 1, y * HEIGHT - 1, x * WIDTH + 1, y * HEIGHT + 1), fill=(255, 255, 255))
    return shown
