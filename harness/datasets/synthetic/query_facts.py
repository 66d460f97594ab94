"""Facts of each query of an embedded dataset, from its truth: what hides the person, how the box sits, the view.

They tell on which queries one network beats another. No network reads them.
"""

from __future__ import annotations

import json
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.datasets.base import Dataset
from harness.datasets.synthetic.edition import Edition
from harness.datasets.synthetic.people import draw_someone
from harness.datasets.synthetic.truth import KEYPOINTS, PARSING_COLUMNS, PARSING_ROWS
from harness.datasets.synthetic.writing import SETTINGS_FILE
from harness.files.arrays import read_arrays

Strings = NDArray[np.str_]
QueryFact = Literal["occlusion", "box", "view", "bag", "clothes"]

HIDDEN_JOINTS = 2
"""Joints behind another thing from which on a person counts as occluded. One may be an error of the coarse map."""
OFF_CENTRE = 0.12
"""Distance of the trunk from the middle of the box, in widths of the box."""
NARROW_SHOULDERS = 0.15
"""Shoulders nearer than this, in widths of the box, are seen from the side."""

HIPS = KEYPOINTS.index("left hip")
TRUNK = [KEYPOINTS.index(f"{side} {joint}") for side in ("left", "right") for joint in ("shoulder", "hip")]
ANKLES = [KEYPOINTS.index("left ankle"), KEYPOINTS.index("right ankle")]
SHOULDERS = [KEYPOINTS.index("left shoulder"), KEYPOINTS.index("right shoulder")]
FACE = [KEYPOINTS.index("nose"), KEYPOINTS.index("left eye"), KEYPOINTS.index("right eye")]


def query_facts(dataset: Dataset) -> dict[QueryFact, Strings]:
    """Fact -> its value for each query (Q,): ``occlusion``, ``box``, ``view``, ``bag`` and ``clothes``.

    Raises BadInput, naming the file and the fix, if the dataset's truth cannot be read.
    """
    truth = read_arrays(dataset.root / "priors_query.npz", ("names", "keypoints", "parsing"))
    row_of = {str(name): row for row, name in enumerate(truth["names"])}
    rows = [row_of[name.rpartition("/")[2]] for name in dataset.query.names]
    keypoints, parsing = truth["keypoints"][rows].astype(np.float32), truth["parsing"][rows]
    return {
        "occlusion": occlusion(keypoints, parsing),
        "box": box(keypoints),
        "view": view(keypoints),
        **_belongings(dataset),
    }


def occlusion(keypoints: NDArray[np.float32], parsing: NDArray[np.uint8]) -> Strings:
    """``body``, ``legs`` or ``none`` (N,): where other things stand before the person.

    A joint in the frame that is not seen lies behind the person's own body or behind another thing. Only in the second
    case does its parsing map (N, 64, 32) show background there.
    """
    x, y, seen = keypoints[..., 0], keypoints[..., 1], keypoints[..., 2]
    columns = np.clip(x * PARSING_COLUMNS, 0, PARSING_COLUMNS - 1).astype(int)
    lines = np.clip(y * PARSING_ROWS, 0, PARSING_ROWS - 1).astype(int)
    hidden = (seen == 0.5) & (parsing[np.arange(len(parsing))[:, None], lines, columns] == 0)
    of_legs = hidden[:, HIPS + 2 :].sum(axis=1) >= HIDDEN_JOINTS
    of_body = hidden[:, : HIPS + 2].sum(axis=1) >= HIDDEN_JOINTS
    return np.select([of_body, of_legs], ["body", "legs"], "none")


def box(keypoints: NDArray[np.float32]) -> Strings:
    """``head_cut``, ``feet_cut``, ``off_centre`` or ``good`` (N,): how the detector's box sits on the person."""
    x, y = keypoints[..., 0], keypoints[..., 1]
    head_cut = y[:, FACE].mean(axis=1) < 0
    feet_cut = (y[:, ANKLES] >= 1).all(axis=1)
    aside = np.abs(x[:, TRUNK].mean(axis=1) - 0.5) > OFF_CENTRE
    return np.select([head_cut, feet_cut, aside], ["head_cut", "feet_cut", "off_centre"], "good")


def view(keypoints: NDArray[np.float32]) -> Strings:
    """``front``, ``back`` or ``side`` (N,): the person's own left shoulder is on the right of a frontal image."""
    left, right = (keypoints[:, joint, 0] for joint in SHOULDERS)
    across = left - right
    return np.select([across > NARROW_SHOULDERS, across < -NARROW_SHOULDERS], ["front", "back"], "side")


def _belongings(dataset: Dataset) -> dict[QueryFact, Strings]:
    """``bag`` and ``clothes`` of each query's person, drawn anew from the settings of the edition."""
    edition = Edition.from_settings(json.loads((dataset.root / SETTINGS_FILE).read_text(encoding="utf-8")))
    people = {
        number: draw_someone(
            edition.flavour.people, np.random.default_rng((edition.seed, 0, number)), edition.difficulty
        )
        for number in np.unique(dataset.query.identities).tolist()
    }
    shown = [people[number] for number in dataset.query.identities.tolist()]
    return {
        "bag": np.array([person.bag for person in shown]),
        "clothes": np.array([person.lower_kind for person in shown]),
    }
