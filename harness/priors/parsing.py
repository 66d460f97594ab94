"""Derives part maps from a person mask and keypoints. It stands in for a parsing network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 64, 32
"""Rows and columns of masks and part maps."""

BACKGROUND, HEAD, TORSO, LEFT_LEG, RIGHT_LEG = range(5)
"""Labels of a part map; the torso has the arms. Left and right are the person's own."""

SHOULDERS = (5, 6)
HIPS = (11, 12)
LEFT_LEG_JOINTS = (11, 13, 15)
RIGHT_LEG_JOINTS = (12, 14, 16)
"""COCO keypoints. A leg is hip, knee and ankle."""

CONFIDENT = 0.5
"""A part map needs this presence of the person, and this confidence of each shoulder and hip, at least."""

_IMAGES_PER_BLOCK = 512


def derive_parsing(
    keypoints: NDArray[np.float32], mask: NDArray[np.bool_], presence: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """Part maps (N, 64, 32) from keypoints (N, 17, 3), person masks (N, 64, 32) and presences (N,).

    Person pixels above the mean height of the shoulders are head. Pixels from there to the mean height of the hips are
    torso. Pixels below belong to the leg whose line hip-knee-ankle is nearer. An untrustworthy map is all background:
    presence, a shoulder or a hip is below ``CONFIDENT``, or the hips are not below the shoulders.
    """
    blocks = [
        _derive(keypoints[rows], mask[rows], presence[rows])
        for rows in (slice(start, start + _IMAGES_PER_BLOCK) for start in range(0, len(mask), _IMAGES_PER_BLOCK))
    ]
    return np.concatenate(blocks) if blocks else np.zeros((0, HEIGHT, WIDTH), np.uint8)


def _derive(
    keypoints: NDArray[np.float32], mask: NDArray[np.bool_], presence: NDArray[np.floating]
) -> NDArray[np.uint8]:
    shoulder_line = keypoints[:, SHOULDERS, 1].mean(axis=1)[:, None]
    hip_line = keypoints[:, HIPS, 1].mean(axis=1)[:, None]
    heights = ((np.arange(HEIGHT, dtype=np.float32) + 0.5) / HEIGHT)[None]
    row_labels = np.where(heights < shoulder_line, HEAD, np.where(heights < hip_line, TORSO, LEFT_LEG))
    labels = np.broadcast_to(row_labels[:, :, None], mask.shape).astype(np.uint8)

    right_is_nearer = _distance(keypoints, RIGHT_LEG_JOINTS) < _distance(keypoints, LEFT_LEG_JOINTS)
    labels[(labels == LEFT_LEG) & right_is_nearer] = RIGHT_LEG
    labels[~mask] = BACKGROUND
    labels[~_trusted(keypoints, presence)] = BACKGROUND
    return labels


def _trusted(keypoints: NDArray[np.float32], presence: NDArray[np.floating]) -> NDArray[np.bool_]:
    confidence = keypoints[:, SHOULDERS + HIPS, 2].min(axis=1)
    upright = keypoints[:, HIPS, 1].mean(axis=1) > keypoints[:, SHOULDERS, 1].mean(axis=1)
    return (presence >= CONFIDENT) & (confidence >= CONFIDENT) & upright


def _distance(keypoints: NDArray[np.float32], joints: tuple[int, int, int]) -> NDArray[np.float32]:
    """Distance in map pixels of each pixel centre from the line through three joints, (N, 64, 32)."""
    hip, knee, ankle = (keypoints[:, joint, :2] * np.array([WIDTH, HEIGHT], np.float32) for joint in joints)
    return np.minimum(_distance_from_segment(hip, knee), _distance_from_segment(knee, ankle))


def _distance_from_segment(start: NDArray[np.float32], end: NDArray[np.float32]) -> NDArray[np.float32]:
    x = np.arange(WIDTH, dtype=np.float32)[None, None, :] + 0.5 - start[:, 0, None, None]
    y = np.arange(HEIGHT, dtype=np.float32)[None, :, None] + 0.5 - start[:, 1, None, None]
    along = (end - start)[:, :, None, None]
    squared_length = np.maximum((along**2).sum(axis=1), np.float32(1e-6))
    fraction = np.clip((x * along[:, 0] + y * along[:, 1]) / squared_length, 0, 1)
    distance: NDArray[np.float32] = np.hypot(x - fraction * along[:, 0], y - fraction * along[:, 1])
    return distance
