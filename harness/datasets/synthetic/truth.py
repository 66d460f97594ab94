"""The truth of a drawn image: COCO keypoints with their visibility, and the parsing map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.datasets.synthetic.parts import LEVELS, Part, parsing_label, part_of
from harness.datasets.synthetic.pose import Point

_PAIRS = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")

KEYPOINTS = ("nose", *(f"{side} {joint}" for joint in _PAIRS for side in ("left", "right")))
"""COCO's 17, in its order."""

PARSING_ROWS, PARSING_COLUMNS = 64, 32

_LABELS = np.zeros(256, dtype=np.uint8)
for _part in Part:
    _LABELS[_part * LEVELS : (_part + 1) * LEVELS] = parsing_label(_part)

_TURNED_AWAY = {"nose": 0.0, "eye": 0.0, "ear": -0.02, "shoulder": -0.06, "hip": -0.035}
"""A joint is behind the person's own body if its nearness, from the axis of head or body, is below this (body
heights)."""


def parsing_map(canvas: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The (64, 32) parsing map of a canvas of parts: the label at the middle of each cell."""
    high, wide = canvas.shape[0] // PARSING_ROWS, canvas.shape[1] // PARSING_COLUMNS
    return _LABELS[canvas[high // 2 :: high, wide // 2 :: wide]]


def _shown_by(name: str) -> set[Part]:
    """A joint is seen if one of these parts is seen at it."""
    side, _, joint = name.rpartition(" ")
    if joint in ("nose", "eye"):
        return {Part.FACE, Part.FEATURE}
    if joint == "ear":
        return {Part.FACE, Part.HAIR}
    owned = {
        "shoulder": ("upper arm",),
        "elbow": ("upper arm", "forearm"),
        "wrist": ("forearm", "hand"),
        "hip": ("thigh", "skirt", "leg skin"),
        "knee": ("thigh", "shin", "skirt", "leg skin"),
        "ankle": ("shin", "foot", "leg skin"),
    }[joint]
    parts = {part_of(side, part) for part in owned}
    return parts | {Part.TORSO, Part.TORSO_LOW} if joint in ("shoulder", "hip") else parts


_SHOWN_BY = {name: _shown_by(name) for name in KEYPOINTS}


def keypoints(joints: dict[str, Point], canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The (17, 3) keypoints: x and y as fractions of the image, then 1 visible, 0.5 hidden or 0 out of frame.

    ``joints`` are in canvas pixels. ``canvas`` holds the visible parts; pixels hidden by occluders are cleared.
    """
    rows, columns = canvas.shape
    truth = np.zeros((len(KEYPOINTS), 3), dtype=np.float32)
    for row, name in enumerate(KEYPOINTS):
        x, y, near = joints[name]
        truth[row, :2] = x / columns, y / rows
        if not (0 <= x < columns and 0 <= y < rows):
            continue
        joint = name.rpartition(" ")[2]
        axis = joints["head"][2] if joint in ("nose", "eye", "ear") else 0.0
        behind = near - axis < _TURNED_AWAY.get(joint, -np.inf)
        seen = not behind and Part(int(canvas[int(y), int(x)]) // LEVELS) in _SHOWN_BY[name]
        truth[row, 2] = 1.0 if seen else 0.5
    return truth
