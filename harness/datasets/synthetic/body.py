"""Draws a posed person as a canvas of parts and shading levels (``part * LEVELS + level``), with no colour yet."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import atan2, cos, hypot, sin, sqrt

from PIL import Image, ImageDraw

from harness.datasets.synthetic.numerals import strokes
from harness.datasets.synthetic.parts import LEVELS, Part, part_of
from harness.datasets.synthetic.person import Person
from harness.datasets.synthetic.pose import SIDES, Point, Pose, View, skeleton

LAYERS = ((1.0, 0.0, 1), (0.8, 0.16, 3), (0.52, 0.34, 5))
"""Shading of a round form: each layer's size, shift towards the light, and shading level."""


class Body:
    """One person on one canvas. ``light`` is the side the light falls from: -1 left, 1 right of the image."""

    def __init__(self, size: tuple[int, int], person: Person, pose: Pose, view: View, light: float) -> None:
        self.canvas = Image.new("L", size)
        self._pen = ImageDraw.Draw(self.canvas)
        self.person, self._pose, self._view, self._light = person, pose, view, light
        self._bones = skeleton(person, pose)
        self.joints = {name: view.project(point) for name, point in self._bones.items()}
        self.scale = sqrt(view.scale_x * view.scale_y)

    def draw(self) -> None:
        """Draw shadow, legs, skirt, torso, arms, bag and head, far parts before near ones."""
        self._shadow()
        legs = sorted(SIDES, key=lambda side: self.joints[f"{side[0]} knee"][2] + self.joints[f"{side[0]} ankle"][2])
        for order, (side, _) in enumerate(legs):
            self._leg(side, far=order == 0)
        if self.person.lower_kind in ("skirt", "dress"):
            self._skirt()
        arms = [(self.joints[f"{side} elbow"][2], partial(self._arm, side)) for side, _ in SIDES]
        steps: list[tuple[float, Callable[[], None]]] = [(0.0, self._torso), *arms]
        if self.person.bag == "backpack":
            steps.append((-0.1 * cos(self._view.yaw), self._backpack))
        if self.person.bag == "handbag":
            steps.append((self.joints["right hand"][2] - 0.01, self._handbag))
        for _, step in sorted(steps, key=lambda item: item[0]):
            step()
        self._head()

    def _value(self, part: Part, level: int) -> int:
        # Creases of cloth use the outermost levels.
        return int(part) * LEVELS + max(1, min(LEVELS - 2, level))

    def _limb(self, start: Point, end: Point, radii: tuple[float, float], part: Part, dim: int = 0) -> None:
        """A tapered capsule between two projected joints, shaded as a cylinder; radii in body heights."""
        (x0, y0, _), (x1, y1, _) = start, end
        angle = atan2(y1 - y0, x1 - x0)
        across = (-sin(angle), cos(angle))
        toward = self._light * self.scale
        for size, shift, level in LAYERS:
            value = self._value(part, level - dim)
            r0, r1 = (radius * size * self.scale for radius in radii)
            dx, dy = toward * shift * min(radii), -0.25 * shift * min(radii) * self.scale
            corners = [
                (x0 + dx + across[0] * r0, y0 + dy + across[1] * r0),
                (x1 + dx + across[0] * r1, y1 + dy + across[1] * r1),
                (x1 + dx - across[0] * r1, y1 + dy - across[1] * r1),
                (x0 + dx - across[0] * r0, y0 + dy - across[1] * r0),
            ]
            self._pen.polygon(corners, fill=value)
            self._pen.ellipse((x0 + dx - r0, y0 + dy - r0, x0 + dx + r0, y0 + dy + r0), fill=value)
            self._pen.ellipse((x1 + dx - r1, y1 + dy - r1, x1 + dx + r1, y1 + dy + r1), fill=value)

    def _shadow(self) -> None:
        """A shadow on the ground, longer away from the light."""
        x, y, _ = self._view.project((0.0, 0.0, 0.0))
        reach = 0.16 * self._view.scale_x
        for level, size in ((2, 1.0), (4, 0.7)):
            left, right = x - reach * size * (1 + 0.5 * self._light), x + reach * size * (1 - 0.5 * self._light)
            self._pen.ellipse((left, y - 0.2 * reach * size, right, y + 0.22 * reach * size), fill=level)

    def _leg(self, side: str, far: bool) -> None:
        person, dim = self.person, int(far)
        hip, knee, ankle, toe = (self.joints[f"{side} {joint}"] for joint in ("hip", "knee", "ankle", "toe"))
        girth = person.limb * sqrt(person.width)
        skin = part_of(side, "leg skin")
        trousers = person.lower_kind == "trousers"
        thigh, shin = (part_of(side, "thigh"), part_of(side, "shin")) if trousers else (skin, skin)
        loose = 1.14 if trousers else 1.0
        self._limb(knee, ankle, (0.037 * girth * loose, 0.024 * girth * loose * loose), shin, dim)
        foot, sole = part_of(side, "foot"), 0.022 * person.limb
        self._limb((ankle[0], ankle[1] + 0.016 * self.scale, 0.0), toe, (sole, 0.8 * sole), foot, dim - 1)
        self._limb(hip, knee, (0.056 * girth * loose, 0.038 * girth * loose), thigh, dim)
        if person.lower_kind == "shorts":
            end = tuple(0.15 * a + 0.85 * b for a, b in zip(hip, knee, strict=True))
            self._limb(hip, (end[0], end[1], end[2]), (0.064 * girth, 0.054 * girth), part_of(side, "thigh"), dim)

    def _outline(
        self, heights: tuple[tuple[float, float, float], ...], size: float, shift: float
    ) -> list[tuple[float, float]]:
        """Silhouette, under the view's yaw, of a stack of ellipses (height, half-width, half-depth)."""
        turn_cos, turn_sin = cos(self._view.yaw), sin(self._view.yaw)
        left_side, right_side = [], []
        for height, half_width, half_depth in heights:
            lean = self._pose.lean * 3 * max(0.0, (height - 0.5) / 0.32)
            ground = self._bones["neck"][1] - 0.838
            x, y, _ = self._view.project((0.0, height + ground, lean))
            half = hypot(half_width * turn_cos, half_depth * turn_sin) * self._view.scale_x
            x += self._light * shift * half
            left_side.append((x - half * size, y))
            right_side.append((x + half * size, y))
        return left_side + right_side[::-1]

    def _stack(self, heights: tuple[tuple[float, float, float], ...], part: Part, dim: int = 0) -> None:
        for size, shift, level in ((1.0, 0.0, 2), (0.82, 0.12, 4), (0.5, 0.3, 5)):
            self._pen.polygon(self._outline(heights, size, shift), fill=self._value(part, level - dim))

    def _torso(self) -> None:
        person = self.person
        width, hem = person.width, person.hem * person.legs if person.lower_kind != "dress" else 0.5
        middle = (0.64, 0.084 * width, 0.068 * width)
        upper = (
            middle,
            (0.73, 0.1 * width, 0.074 * width),
            (0.785, 0.113 * width, 0.062 * width),
            (0.815, 0.096 * width, 0.052),
            (0.838, 0.055, 0.042),
            (0.85, 0.036, 0.036),
        )
        self._limb(self.joints["neck"], self.joints["head"], (0.033, 0.033), Part.NECK, 1)
        self._stack(
            ((hem, (0.094 + 0.12 * (0.5 - hem)) * width, 0.08 * width), (0.55, 0.09 * width, 0.074 * width), middle),
            Part.TORSO_LOW,
        )
        self._stack(upper, Part.TORSO)
        front = cos(self._view.yaw)
        if person.upper.pattern == "logo" and front > 0.25:
            self._pen.polygon(self._panel(0.045 * width, 0.69, 0.77, 0.06), fill=self._value(Part.LOGO, 5))
        if person.number is not None and abs(front) > 0.25:
            self._number(person.number, 1.0 if front > 0 else -1.0)
        if front > 0.35:
            x, y, _ = self.joints["neck"]
            reach = 0.032 * self.scale
            self._pen.polygon([(x - reach, y), (x + reach, y), (x, y + 1.3 * reach)], fill=self._value(Part.NECK, 3))
        if person.bag == "backpack" and front > 0.2:
            for _, sign in SIDES:
                self._pen.polygon(
                    self._panel(0.011, 0.66, 0.83, 0.06, sign * 0.065 * width), fill=self._value(Part.STRAP, 3)
                )
        if person.bag == "shoulder bag":
            self._shoulder_bag()

    def _panel(
        self, half: float, low: float, high: float, forward: float, left: float = 0.0
    ) -> list[tuple[float, float]]:
        """A flat rectangle before (or behind) the chest, in canvas points."""
        ground = self._bones["neck"][1] - 0.838
        corners = ((left - half, low), (left - half, high), (left + half, high), (left + half, low))
        return [self._view.project((across, height + ground, forward))[:2] for across, height in corners]

    def _number(self, number: int, face: float) -> None:
        """The shirt's number on the chest (``face`` 1) or the back (-1)."""
        half, low, high = 0.062 * self.person.width, 0.64, 0.78
        for left, top, right, bottom in strokes(number):
            middle, reach = face * half * (left + right - 1), half * (right - left)
            panel = self._panel(reach, high - bottom * (high - low), high - top * (high - low), 0.06 * face, middle)
            self._pen.polygon(panel, fill=self._value(Part.LOGO, 5))

    def _shoulder_bag(self) -> None:
        """A strap across the body and a bag at the left hip."""
        ground = self._bones["neck"][1] - 0.838
        face = 0.07 if cos(self._view.yaw) >= 0 else -0.07
        top = self._view.project((-0.07, 0.82 + ground, 0.5 * face))
        low = self._view.project((0.1 * self.person.width, 0.53 + ground, face))
        self._pen.line([top[:2], low[:2]], fill=self._value(Part.STRAP, 3), width=max(2, round(0.014 * self.scale)))
        self._block(low[0], low[1], 0.055, 0.1, Part.BAG)

    def _block(self, x: float, y: float, half: float, height: float, part: Part) -> None:
        """A soft box hanging from (x, y)."""
        for size, level in ((1.0, 2), (0.75, 4)):
            reach, drop = half * size * self.scale, height * self.scale
            box = (x - reach, y + (1 - size) * drop, x + reach, y + size * drop)
            self._pen.rounded_rectangle(box, radius=0.4 * reach, fill=self._value(part, level))

    def _backpack(self) -> None:
        stack = (
            (0.585, 0.07, 0.05),
            (0.62, 0.082, 0.056),
            (0.74, 0.08, 0.055),
            (0.8, 0.064, 0.04),
            (0.815, 0.04, 0.02),
        )
        back = self._view.project((0.0, 0.0, -0.095))[0] - self._view.project((0.0, 0.0, 0.0))[0]
        for size, shift, level in ((1.0, 0.0, 2), (0.8, 0.1, 4), (0.5, 0.2, 5)):
            points = [(x + back, y) for x, y in self._outline(stack, size, shift)]
            self._pen.polygon(points, fill=self._value(Part.BAG, level))

    def _handbag(self) -> None:
        x, y, _ = self.joints["right hand"]
        reach = 0.03 * self.scale
        self._pen.arc(
            (x - reach, y - reach, x + reach, y + 3 * reach), 180, 360, fill=self._value(Part.STRAP, 2), width=3
        )
        self._block(x, y + 0.8 * reach, 0.055, 0.105, Part.BAG)

    def _arm(self, side: str) -> None:
        shoulder, elbow, wrist, hand = (self.joints[f"{side} {j}"] for j in ("shoulder", "elbow", "wrist", "hand"))
        dim = 1 if elbow[2] < -0.02 else 0
        girth = self.person.limb
        cloth = 1.2 if self.person.sleeves == "long" else 1.0
        self._limb(wrist, hand, (0.018, 0.016), part_of(side, "hand"), dim)
        self._limb(elbow, wrist, (0.026 * girth * cloth, 0.019 * girth * cloth), part_of(side, "forearm"), dim)
        upper = (0.034 * girth * max(cloth, 1.1), 0.028 * girth * cloth)
        self._limb(shoulder, elbow, upper, part_of(side, "upper arm"), dim)

    def _skirt(self) -> None:
        """Draw the skirt as two halves: each counts as the leg of its side."""
        person, hem = self.person, self.person.skirt_hem
        knees = {side: self.joints[f"{side} knee"] for side, _ in SIDES}
        pelvis = self.joints["pelvis"]
        top = 0.085 * person.width * hypot(cos(self._view.yaw), 0.8 * sin(self._view.yaw)) * self._view.scale_x
        flare = 0.125 * person.width * self._view.scale_x
        low = pelvis[1] + (self._bones["pelvis"][1] - hem) * self._view.scale_y
        middle = (knees["left"][0] + knees["right"][0]) / 2
        first, last = sorted(knees, key=lambda side: knees[side][0])
        reach = max(flare, (knees[last][0] - knees[first][0]) / 2 + 0.045 * self.scale)
        for side, sign in ((first, -1), (last, 1)):
            part = part_of(side, "skirt")
            corners = [
                (pelvis[0], pelvis[1] - 0.06 * self.scale),
                (pelvis[0] + sign * top, pelvis[1] - 0.06 * self.scale),
            ]
            corners += [
                (pelvis[0] + sign * 1.15 * top, pelvis[1] + 0.04 * self.scale),
                (middle + sign * reach, low),
                (middle, low + 3),
            ]
            self._pen.polygon(corners, fill=self._value(part, 4 if sign == self._light else 3))
            for fold in (0.35, 0.75):
                start, end = (pelvis[0] + sign * top * fold, pelvis[1]), (middle + sign * reach * fold, low)
                self._pen.line([start, end], fill=self._value(part, 2), width=3)

    def _head(self) -> None:
        person, (x, y, _) = self.person, self.joints["head"]
        turn = self._view.yaw + self._pose.head_turn
        forward, side = cos(turn), sin(turn)
        tall = 0.071 * person.head * self._view.scale_y
        wide = 0.054 * person.head * hypot(forward, 1.14 * side) * self._view.scale_x
        if person.hair_style in ("long", "bob") and forward > -0.2:
            self._long_hair(x, y, wide, tall, side)
        if person.hair_style == "ponytail":
            tail = x - 1.25 * wide * side
            self._limb((tail, y - 0.1 * tall, 0.0), (tail - 0.1 * wide, y + 1.2 * tall, 0.0), (0.022, 0.012), Part.HAIR)
        self._oval(x, y, wide, tall, Part.HAIR if person.hair_style != "bald" else Part.FACE)
        if forward > -0.55:
            self._face(x, y, wide, tall, forward, side)
        if person.hair_style in ("long", "bob") and forward <= -0.2:
            self._long_hair(x, y, wide, tall, side)
        if person.hat != "none":
            self._hat(x, y, wide, tall, forward, side)

    def _oval(self, x: float, y: float, wide: float, tall: float, part: Part) -> None:
        for size, shift, level in LAYERS:
            dx = self._light * shift * wide
            box = (
                x + dx - wide * size,
                y - tall * size - 0.1 * shift * tall,
                x + dx + wide * size,
                y + tall * size - 0.1 * shift * tall,
            )
            self._pen.ellipse(box, fill=self._value(part, level))

    def _long_hair(self, x: float, y: float, wide: float, tall: float, side: float) -> None:
        drop = {"long": 2.1, "bob": 1.1}[self.person.hair_style] * tall
        back = x - 0.35 * wide * side
        for size, level in ((1.0, 2), (0.7, 3)):
            box = (back - 1.12 * wide * size, y - 0.7 * tall, back + 1.12 * wide * size, y + drop * (0.5 + 0.5 * size))
            self._pen.rounded_rectangle(box, radius=0.5 * wide, fill=self._value(Part.HAIR, level))

    def _face(self, x: float, y: float, wide: float, tall: float, forward: float, side: float) -> None:
        cover = min(1.0, 0.62 + 0.38 * forward) if forward > 0 else 0.62 + 0.9 * forward
        centre = x + side * wide * (1.0 - 0.92 * cover)
        cropped = self.person.hair_style in ("cropped", "bald")
        self._oval(
            centre,
            y + (0.1 if cropped else 0.2) * tall,
            0.88 * wide * cover,
            (0.88 if cropped else 0.8) * tall,
            Part.FACE,
        )
        if forward > 0.1:
            dot = 0.07 * tall
            for eye in ("left eye", "right eye"):
                eye_x, eye_y, near = self.joints[eye]
                if near > self.joints["head"][2]:
                    self._pen.ellipse(
                        (eye_x - 1.4 * dot, eye_y - dot, eye_x + 1.4 * dot, eye_y + dot),
                        fill=self._value(Part.FEATURE, 2),
                    )
            mouth = self.joints["nose"][0], y + 0.55 * tall
            self._pen.line(
                [(mouth[0] - 2 * dot, mouth[1]), (mouth[0] + 2 * dot, mouth[1])],
                fill=self._value(Part.FEATURE, 4),
                width=2,
            )

    def _hat(self, x: float, y: float, wide: float, tall: float, forward: float, side: float) -> None:
        top = -1.12 * tall
        for size, level in ((1.08, 2), (0.8, 4)):
            box = (x - wide * size, y + top * size, x + wide * size, y + 0.75 * tall * size)
            self._pen.pieslice(box, 180, 360, fill=self._value(Part.HAT, level))
        if self.person.hat == "cap" and forward > -0.5:
            brim = x + side * 1.2 * wide
            reach = wide * (0.75 if abs(side) < 0.5 else 0.6)
            self._pen.ellipse(
                (brim - reach, y - 0.38 * tall, brim + reach, y - 0.12 * tall), fill=self._value(Part.HAT, 1)
            )
