"""A walking skeleton: joints in three dimensions, and their projection into the box."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np

from harness.datasets.synthetic.person import Person

Point = tuple[float, float, float]
"""(left, up, forward) of the person in body heights, or (right, down, towards the camera) in canvas pixels."""

SIDES = (("left", 1.0), ("right", -1.0))


@dataclass(frozen=True)
class Pose:
    """A moment of a walk. Angles are in radians; ``yaw`` 0 faces the camera, pi/2 walks to the image's right."""

    yaw: float
    phase: float
    stride: float
    elbow: float
    head_turn: float
    lean: float
    spread: float
    raised: str
    """The side whose forearm is raised (a telephone, a hand at the strap), or ``"none"``."""


def draw_pose(rng: np.random.Generator, heading: float, strength: float) -> Pose:
    """Draw a pose near the heading of a passage. ``strength`` is the difficulty's pose multiplier."""
    walking = rng.random() < 0.82
    return Pose(
        yaw=float(heading + rng.normal(0, 0.28) * strength),
        phase=float(rng.uniform(0, 2 * pi)),
        stride=float((rng.uniform(0.3, 0.52) if walking else rng.uniform(0.0, 0.1)) * min(strength, 2.0)),
        elbow=float(rng.uniform(0.1, 0.6)),
        head_turn=float(rng.normal(0, 0.22) * strength),
        lean=float(rng.normal(0.008, 0.01)),
        spread=float(rng.uniform(0.05, 0.14)),
        raised=str(rng.choice(["none", "left", "right"], p=[0.76, 0.12, 0.12])),
    )


def _along(start: Point, length: float, swing: float, outwards: float = 0.0) -> Point:
    """The end of a bone hanging from ``start``: ``swing`` turns it forwards, ``outwards`` to the left."""
    left, up, forward = start
    drop = length * cos(outwards)
    return left + length * sin(outwards), up - drop * cos(swing), forward + drop * sin(swing)


def skeleton(person: Person, pose: Pose) -> dict[str, Point]:
    """Joints by name, (left, up, forward) of the person in body heights. The lowest sole has height 0."""
    hip_height, leg = 0.515 * person.legs, 0.235 * person.legs
    joints: dict[str, Point] = {"pelvis": (0.0, hip_height + 0.02, 0.0)}
    for side, sign in SIDES:
        turn = pose.phase if side == "left" else pose.phase + pi
        thigh = pose.stride * sin(turn)
        bend = 0.06 + 2.0 * pose.stride * max(0.0, cos(turn))
        hip: Point = (sign * 0.052 * person.width, hip_height, 0.0)
        knee = _along(hip, leg, thigh + 0.4 * bend)
        ankle = _along(knee, leg, thigh - 0.6 * bend, 0.0)
        tilt = 0.75 * (thigh - 0.6 * bend)
        toe = (ankle[0] + sign * 0.015, ankle[1] - 0.03 + 0.1 * sin(min(tilt, 0.0)), ankle[2] + 0.088 * cos(tilt))
        joints |= {f"{side} hip": hip, f"{side} knee": knee, f"{side} ankle": ankle, f"{side} toe": toe}
        joints |= _arm(side, sign, turn, person, pose)
    chest_forward = pose.lean * 3
    joints["neck"] = (0.0, 0.838, chest_forward)
    joints["head"] = (0.0, 0.922, chest_forward + 0.012)
    joints |= _face(joints["head"], person, pose)
    ground = min(min(joints[f"{side} ankle"][1] - 0.04, joints[f"{side} toe"][1] - 0.012) for side, _ in SIDES)
    return {name: (left, up - ground, forward) for name, (left, up, forward) in joints.items()}


def _arm(side: str, sign: float, turn: float, person: Person, pose: Pose) -> dict[str, Point]:
    """Joints from shoulder to hand of one side. The arm swings against the leg of its side."""
    swing, bend = -0.8 * pose.stride * sin(turn), pose.elbow
    if pose.raised == side:
        swing, bend = 0.35, 1.9
    shoulder: Point = (sign * 0.098 * person.width, 0.796, pose.lean * 3)
    elbow = _along(shoulder, 0.165, swing, sign * pose.spread)
    wrist = _along(elbow, 0.14, swing + bend, -sign * 0.4 * pose.spread)
    hand = _along(wrist, 0.045, swing + bend)
    return {f"{side} shoulder": shoulder, f"{side} elbow": elbow, f"{side} wrist": wrist, f"{side} hand": hand}


def _face(head: Point, person: Person, pose: Pose) -> dict[str, Point]:
    """Nose, eyes and ears on a head turned by ``head_turn`` against the body."""
    size = 0.05 * person.head
    points = {}
    for name, left, up, forward in (
        ("nose", 0.0, -0.15, 1.0),
        ("left eye", 0.4, 0.15, 0.85),
        ("right eye", -0.4, 0.15, 0.85),
        ("left ear", 0.85, 0.0, 0.0),
        ("right ear", -0.85, 0.0, 0.0),
    ):
        turned = (
            left * cos(pose.head_turn) + forward * sin(pose.head_turn),
            forward * cos(pose.head_turn) - left * sin(pose.head_turn),
        )
        points[name] = (head[0] + size * turned[0], head[1] + size * up, head[2] + size * turned[1])
    return points


@dataclass(frozen=True)
class View:
    """The person in the box: canvas pixels per body height, (x, y) of the soles' middle, camera pitch, and yaw."""

    scale_x: float
    scale_y: float
    x: float
    y: float
    pitch: float
    yaw: float

    def project(self, point: Point) -> Point:
        """Canvas (x, y) of a point in the person's axes, and its nearness to the camera (body heights)."""
        left, up, forward = point
        right = left * cos(self.yaw) + forward * sin(self.yaw)
        near = forward * cos(self.yaw) - left * sin(self.yaw)
        # A camera that looks down shows near points lower. Normalising by the cosine keeps heights.
        return self.x + right * self.scale_x, self.y - (up - near * sin(self.pitch)) * self.scale_y, near
