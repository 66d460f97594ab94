"""Draws one image: a person before a camera, cropped by an imperfect detector, with truth and infrared twin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from harness.datasets.synthetic.body import Body
from harness.datasets.synthetic.camera import Camera, expose, expose_infrared, focus
from harness.datasets.synthetic.edition import HEIGHT, WIDTH, Difficulty
from harness.datasets.synthetic.flavour import Flavour
from harness.datasets.synthetic.paint import SHADOW, Palette, palette_of, pattern_mask
from harness.datasets.synthetic.parts import LEVELS
from harness.datasets.synthetic.people import Person, draw_someone
from harness.datasets.synthetic.pose import Pose, View, draw_pose
from harness.datasets.synthetic.scenery import CAR_COLOURS, add_infrared, paint_bush, paint_car, smooth_noise, vary
from harness.datasets.synthetic.truth import keypoints, parsing_map

OVERSAMPLING = 3
ROWS, COLUMNS = HEIGHT * OVERSAMPLING, WIDTH * OVERSAMPLING
"""Size of the canvas. It is reduced to the image at the end."""

BODY_SHARE = 0.92
"""Share of the box's height filled by a person, without detector error."""

STRETCH = 1.22
"""Boxes are usually narrower than half their height, so resizing them to 2:1 widens the person."""

ON_THE_STREET = {"car": 0.25, "pole": 0.2, "bush": 0.2, "person": 0.35}
OCCLUDERS = {"street": ON_THE_STREET, "snowy street": ON_THE_STREET, "court": {"person": 1.0}}
"""Things that may stand before a person, with their probabilities, per place."""


@dataclass(frozen=True)
class Passage:
    """One walk of a person past a camera: the facts shared by its images."""

    heading: float
    place: tuple[int, int]
    sunlight: float


@dataclass(frozen=True)
class Box:
    """The detector's error: shift as fractions of the box, and scale of width and height.

    Without error ``x`` and ``y`` are 0, ``scale_x`` and ``scale_y`` are 1.
    """

    x: float
    y: float
    scale_x: float
    scale_y: float


@dataclass(frozen=True)
class Photograph:
    """An image (RGB, or grey if taken in the infrared), its grey infrared twin if the flavour has twins, its (17, 3)
    keypoints and its (64, 32) parsing map."""

    image: Image.Image
    infrared_twin: Image.Image | None
    keypoints: NDArray[np.float32]
    parsing: NDArray[np.uint8]


def draw_passage(rng: np.random.Generator, camera: Camera) -> Passage:
    """Draw a passage: mostly along the camera's path, there or back; sometimes in any direction."""
    back = np.pi if rng.random() < 0.35 else 0.0
    rows, columns = camera.scene.panorama.shape[:2]
    heading = rng.uniform(0, 2 * np.pi) if rng.random() < 0.2 else camera.heading + back + rng.normal(0, 0.25)
    place = int(rng.integers(rows - ROWS)), int(rng.integers(columns - COLUMNS))
    return Passage(float(heading), place, float(rng.uniform(0.9, 1.1)))


def draw_box(rng: np.random.Generator, difficulty: Difficulty) -> Box:
    """Draw the error of one detection."""
    x, y, scale = rng.normal(0, (0.055, 0.04, 0.08)) * difficulty.misalignment
    partial, kind, share = rng.random(), rng.random(), rng.uniform(0.55, 0.8)
    factor = exp(float(np.clip(scale, -1, 1)))
    if partial >= difficulty.partial:
        return Box(float(x), float(y), factor, factor)
    if kind < 0.6:  # The box ends about above the knees; the rest is stretched to the image's height.
        return Box(float(x), float(y) + 0.93 * (1 / share - 1), factor * sqrt(1 / share), factor / share)
    if kind < 0.75:  # The box begins about at the shoulders.
        return Box(float(x), float(y) - 0.05, factor * sqrt(1 / share), factor / share)
    return Box(float(x) + (0.32 if kind < 0.875 else -0.32), float(y), factor, factor)


def view_of(box: Box, camera: Camera, yaw: float) -> View:
    """The person's place on the canvas under the detector's error ``box``."""
    tall = BODY_SHARE * ROWS * camera.zoom
    return View(
        scale_x=STRETCH * tall * box.scale_x,
        scale_y=tall * box.scale_y,
        x=COLUMNS * (0.5 + box.x),
        y=ROWS * (0.5 + box.y) + 0.48 * tall,
        pitch=camera.pitch,
        yaw=yaw,
    )


@cache
def _folds() -> NDArray[np.uint8]:
    """Creases of cloth as steps of shading level (255 is one down). Every canvas takes a window of this field."""
    rng = np.random.default_rng(7)
    rows, columns = 2 * ROWS, 2 * COLUMNS
    field = 0.5 * smooth_noise(rng, rows, columns, 24) + 0.35 * smooth_noise(rng, rows, columns, 9)
    return np.clip(np.rint(field), -1, 1).astype(np.int8).view(np.uint8)


def photograph(
    person: Person,
    camera: Camera,
    passage: Passage,
    rng: np.random.Generator,
    difficulty: Difficulty,
    flavour: Flavour,
    in_infrared: bool,
) -> Photograph:
    """Draw one image. Each step has its own random numbers, so that each knob of the difficulty acts alone.

    Args:
        person: The person to draw.
        camera: The camera before which the person walks.
        passage: The walk that the image belongs to.
        rng: Random numbers of this image.
        difficulty: The knobs.
        flavour: Kind of dataset: people, place, infrared twins.
        in_infrared: Whether the camera takes the image in the infrared.
    """
    pose_rng, box_rng, scene_rng, occluder_rng, sensor_rng, infrared_rng = rng.spawn(6)
    pose = draw_pose(pose_rng, passage.heading, difficulty.pose)
    view = view_of(draw_box(box_rng, difficulty), camera, pose.yaw)
    body = Body((COLUMNS, ROWS), person, pose, view, camera.light)
    body.draw()
    canvas = np.array(body.canvas)
    light = _background(camera, passage, scene_rng, difficulty, flavour)
    _clothe(light, canvas, body, palette_of(person), pose_rng)
    _occlude(light, canvas, view, camera, occluder_rng, difficulty, flavour)
    # Pillow would weigh colours by an alpha channel. CMYK is four plain channels.
    reduced = Image.frombuffer("CMYK", (COLUMNS, ROWS), light).reduce(OVERSAMPLING)
    seen = focus(camera, reduced, sensor_rng)
    infrared = None
    if in_infrared or flavour.infrared_twins:
        infrared = expose_infrared(camera, seen[..., 3], infrared_rng)
    sunlight = passage.sunlight**difficulty.lighting
    return Photograph(
        image=infrared if infrared and in_infrared else expose(camera, seen[..., :3], sensor_rng, sunlight),
        infrared_twin=infrared if flavour.infrared_twins else None,
        keypoints=keypoints(body.joints, canvas),
        parsing=parsing_map(canvas),
    )


def _background(
    camera: Camera, passage: Passage, rng: np.random.Generator, difficulty: Difficulty, flavour: Flavour
) -> NDArray[np.uint8]:
    """The window of the scene behind the person, a few steps from the passage's place. A passer-by may be in it."""
    panorama = camera.scene.panorama
    limits = np.array(panorama.shape[:2]) - (ROWS, COLUMNS)
    top, left = np.clip(np.array(passage.place) + rng.normal(0, (10, 40), 2).astype(int), 0, limits)
    light = panorama[top : top + ROWS, left : left + COLUMNS].copy()
    if rng.random() < min(1.0, 0.14 * difficulty.clutter):
        side = rng.choice([-1, 1]) * rng.uniform(0.3, 0.5)
        far = float(rng.uniform(0.55, 0.8))
        _paint_passer_by(
            light, camera, rng, Box(float(side), float(rng.uniform(-0.22, -0.1)), far, far), difficulty, flavour
        )
    return light


def _clothe(
    light: NDArray[np.uint8], canvas: NDArray[np.uint8], body: Body, palette: Palette, rng: np.random.Generator
) -> None:
    """Paint a drawn body and its shadow over ``light`` (rows, columns, 4)."""
    shadowed = (canvas > 0) & (canvas < LEVELS)
    light[shadowed] = (light[shadowed] * SHADOW[canvas[shadowed]][:, None]).astype(np.uint8)
    shown = canvas >= LEVELS
    top, left = rng.integers(ROWS), rng.integers(COLUMNS)
    values = np.where(shown, canvas + _folds()[top : top + ROWS, left : left + COLUMNS], 0)
    figured = pattern_mask(body.person, values, body.joints["neck"][:2], body.scale)
    packed = palette.plain[values]
    packed[figured] = palette.figured[values[figured]]
    np.copyto(light.view(np.uint32)[..., 0], packed, where=shown)


def _paint_passer_by(
    light: NDArray[np.uint8],
    camera: Camera,
    rng: np.random.Generator,
    box: Box,
    difficulty: Difficulty,
    flavour: Flavour,
) -> NDArray[np.bool_]:
    """Paint another person over ``light``, and return the pixels taken."""
    stranger = draw_someone(flavour.people, rng, difficulty)
    pose: Pose = draw_pose(rng, float(rng.uniform(0, 2 * np.pi)), 1.0)
    body = Body((COLUMNS, ROWS), stranger, pose, view_of(box, camera, pose.yaw), camera.light)
    body.draw()
    canvas = np.array(body.canvas)
    _clothe(light, canvas, body, palette_of(stranger), rng)
    return canvas >= LEVELS


def _occlude(
    light: NDArray[np.uint8],
    canvas: NDArray[np.uint8],
    view: View,
    camera: Camera,
    rng: np.random.Generator,
    difficulty: Difficulty,
    flavour: Flavour,
) -> None:
    """With the difficulty's probability, put something before the person and clear the hidden pixels of ``canvas``."""
    if rng.random() >= difficulty.occlusion:
        return
    weights = OCCLUDERS[flavour.place]
    kind = rng.choice(list(weights), p=list(weights.values()))
    if kind == "person":
        side = float(rng.choice([-1, 1]) * rng.uniform(0.22, 0.42))
        taken = _paint_passer_by(
            light, camera, rng, Box(side, float(rng.uniform(0.03, 0.14)), 1.08, 1.08), difficulty, flavour
        )
    else:
        picture = Image.new("RGB", (COLUMNS, ROWS))
        _paint_occluder(ImageDraw.Draw(picture), str(kind), rng, view)
        taken = np.asarray(picture.convert("L")) > 0
        light[taken] = add_infrared(np.asarray(picture))[taken]
    canvas[taken] = 0


def _paint_occluder(pen: ImageDraw.ImageDraw, kind: str, rng: np.random.Generator, view: View) -> None:
    """A car or bush before the legs, or a pole before the whole body. No pixel is pure black: black means empty."""
    if kind == "car":
        height = float(rng.uniform(0.36, 0.5)) * view.scale_y
        start = float(rng.uniform(-1.6, -0.1)) * height
        paint_car(pen, view.x + start, view.y + 0.06 * ROWS, height, vary(CAR_COLOURS[rng.integers(6)], rng))
    elif kind == "pole":
        wide = float(rng.uniform(10, 24))
        x = view.x + float(rng.normal(0, 0.16)) * COLUMNS
        colour = vary((104, 104, 106), rng, 24)
        pen.rectangle((x, 0, x + wide, ROWS), fill=colour)
        pen.rectangle((x, 0, x + 0.3 * wide, ROWS), fill=tuple(min(255, channel + 26) for channel in colour))
    else:
        for _ in range(2):
            x = view.x + float(rng.uniform(-0.3, 0.3)) * COLUMNS
            paint_bush(pen, rng, x, view.y + 0.07 * ROWS, float(rng.uniform(0.2, 0.32)) * view.scale_y)
