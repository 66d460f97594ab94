"""Facts of a query follow from its keypoints and parts alone."""

import numpy as np
import pytest

from harness.datasets.synthetic.query_facts import box, occlusion, view
from harness.datasets.synthetic.truth import KEYPOINTS


def standing():
    """Keypoints of one person who faces the camera, whole in the box, and a map with the person everywhere."""
    points = np.zeros((1, len(KEYPOINTS), 3), np.float32)
    for row, name in enumerate(KEYPOINTS):
        joint = name.rpartition(" ")[2]
        height = {"shoulder": 0.25, "elbow": 0.4, "wrist": 0.5, "hip": 0.5, "knee": 0.75, "ankle": 0.95}.get(joint, 0.1)
        side = 0.2 if name.startswith("left") else -0.2 if name.startswith("right") else 0
        points[0, row] = (0.5 + side, height, 1)
    return points, np.full((1, 64, 32), 2, np.uint8)


def test_a_person_whole_and_free_is_neither_cut_nor_occluded():
    points, parts = standing()
    assert occlusion(points, parts).item() == "none"
    assert box(points).item() == "good"
    assert view(points).item() == "front"


@pytest.mark.parametrize(("joints", "found"), [(("knee", "ankle"), "legs"), (("shoulder", "elbow"), "body")])
def test_joints_behind_other_things_are_occluded(joints, found):
    points, parts = standing()
    rows = [row for row, name in enumerate(KEYPOINTS) if name.endswith(joints)]
    points[0, rows, 2] = 0.5
    parts[:] = 0
    assert occlusion(points, parts).item() == found


def test_joints_behind_the_persons_own_body_are_not_occluded():
    points, parts = standing()
    points[0, :, 2] = 0.5
    assert occlusion(points, parts).item() == "none"


@pytest.mark.parametrize(
    ("across", "down", "found"),
    [(0, -0.2, "head_cut"), (0, 0.2, "feet_cut"), (0.2, 0, "off_centre"), (0.05, 0, "good")],
)
def test_a_box_beside_the_person_cuts_off_what_lies_outside(across, down, found):
    points, _ = standing()
    points[..., 0] += across
    points[..., 1] += down
    assert box(points).item() == found


def test_shoulders_tell_the_view():
    points, _ = standing()
    turned, aside = points.copy(), points.copy()
    turned[..., 0] = 1 - turned[..., 0]
    aside[..., 0] = 0.5
    assert [view(each).item() for each in (points, turned, aside)] == ["front", "back", "side"]
