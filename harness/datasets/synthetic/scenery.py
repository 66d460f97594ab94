"""Paints the place before a camera: a panorama of ground, walls, trees and clutter. Backgrounds are cut from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from harness.datasets.synthetic.person import Colour

GROUNDS: tuple[Colour, ...] = (
    (140, 138, 132),
    (142, 128, 118),
    (126, 126, 128),
    (128, 132, 114),
    (150, 146, 136),
    (132, 127, 124),
)
SNOW: tuple[Colour, ...] = ((206, 212, 222), (188, 196, 208), (216, 216, 218))
BACKS = ("hedge", "brick wall", "glass front", "parked cars", "trees", "plaster wall")
GREENS: tuple[Colour, ...] = ((62, 92, 46), (84, 112, 58), (46, 74, 42), (104, 124, 62))


@dataclass(frozen=True)
class Scene:
    """A panorama (rows, columns, 4) uint8 of red, green, blue and infrared, larger than a canvas."""

    panorama: NDArray[np.uint8]


def smooth_noise(rng: np.random.Generator, rows: int, columns: int, grain: int) -> NDArray[np.float32]:
    """Smooth noise of mean 0 and standard deviation about 1.

    Args:
        rng: Random numbers.
        rows: Height in pixels.
        columns: Width in pixels.
        grain: Width of a blob in pixels, roughly.
    """
    coarse = rng.normal(0, 1, (rows // grain + 2, columns // grain + 2)).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((columns, rows), Image.Resampling.BICUBIC), dtype=np.float32)


def add_infrared(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """(rows, columns, 4): the colours 0..255, and the infrared reflected with them. Leaves are bright in it."""
    light = np.empty((*pixels.shape[:2], 4), dtype=np.uint8)
    light[..., :3] = pixels
    red, green, blue = np.moveaxis(pixels.astype(np.float32), 2, 0)
    light[..., 3] = np.clip(0.2 * red + 0.45 * green - 0.1 * blue + 22, 0, 255)
    return light


def vary(colour: Colour, rng: np.random.Generator, spread: float = 14) -> Colour:
    """Vary each channel of a colour at random, with standard deviation ``spread``."""
    red, green, blue = (
        round(min(255.0, max(0.0, channel + shift)))
        for channel, shift in zip(colour, rng.normal(0, spread, 3), strict=True)
    )
    return red, green, blue


def paint_snowy_street(rng: np.random.Generator, number: int, rows: int, columns: int, clutter: float) -> Scene:
    """The scene of ``paint_street``, in snow. The arguments are the same."""
    return paint_street(rng, number, rows, columns, clutter, SNOW)


def paint_street(
    rng: np.random.Generator,
    number: int,
    rows: int,
    columns: int,
    clutter: float,
    grounds: tuple[Colour, ...] = GROUNDS,
) -> Scene:
    """The street before a camera.

    Args:
        rng: Random numbers of this scene.
        number: The camera's number, from 0.
        rows: Height of the panorama in pixels.
        columns: Width of the panorama in pixels.
        clutter: Multiplies the number of things in the scene.
        grounds: Colours of the ground; the camera's number chooses one.
    """
    image = Image.new("RGB", (columns, rows))
    pen = ImageDraw.Draw(image)
    horizon = int(rows * rng.uniform(0.3, 0.52))
    # The camera's own kind of place and two others: one wall alone must not tell the camera.
    others = rng.permutation([kind for kind in BACKS if kind != BACKS[number % len(BACKS)]])[:2]
    for part, kind in enumerate((BACKS[number % len(BACKS)], *map(str, others))):
        section = Image.new("RGB", (columns // 3 + 1, horizon))
        _paint_back(ImageDraw.Draw(section), rng, kind, section.width, horizon)
        image.paste(section, (part * columns // 3, 0))
    _paint_ground(pen, rng, vary(grounds[number % len(grounds)], rng, 8), columns, rows, horizon)
    for _ in range(rng.poisson(7 * clutter)):
        _paint_thing(pen, rng, columns, horizon)
    return develop(rng, image)


def develop(rng: np.random.Generator, image: Image.Image) -> Scene:
    """The painted scene out of focus, like a real background, with the texture of ground and walls."""
    columns, rows = image.size
    image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.8, 2.6))))
    pixels = np.asarray(image, dtype=np.float32)
    texture = (
        15 * smooth_noise(rng, rows, columns, 110)
        + 5 * smooth_noise(rng, rows, columns, 7)
        + 4 * smooth_noise(rng, rows, columns, 3)
    )
    return Scene(add_infrared(np.clip(pixels + texture[..., None], 0, 255)))


def _paint_ground(
    pen: ImageDraw.ImageDraw, rng: np.random.Generator, colour: Colour, columns: int, rows: int, horizon: int
) -> None:
    """Ground that darkens with distance, tiled or plain, with a kerb and a lighter path."""
    for row in range(horizon, rows, 4):
        fade = 0.82 + 0.22 * (row - horizon) / (rows - horizon)
        pen.rectangle((0, row, columns, row + 4), fill=tuple(min(255, int(channel * fade)) for channel in colour))
    seam = tuple(int(0.84 * channel) for channel in colour)
    if rng.random() < 0.6:
        depth, step = horizon + 8.0, 7.0
        while depth < rows:
            pen.line([(0, depth), (columns, depth)], fill=seam, width=2)
            depth, step = depth + step, step * 1.3
        vanishing = rng.uniform(0.2, 0.8) * columns
        for foot in range(-2 * columns, 3 * columns, int(rng.integers(70, 130))):
            pen.line([(vanishing + 0.15 * (foot - vanishing), horizon), (foot, rows)], fill=seam, width=2)
    if rng.random() < 0.6:
        kerb = int(rng.uniform(horizon, 0.75 * rows))
        tilt = int(rng.normal(0, 40))
        pen.line([(0, kerb), (columns, kerb + tilt)], fill=(206, 204, 196), width=int(rng.integers(4, 10)))
    if rng.random() < 0.4:
        start = rng.uniform(0, 0.8) * columns
        lawn = GREENS[rng.integers(len(GREENS))]
        pen.polygon([(start, horizon), (start + 260, horizon), (start + 420, rows), (start + 90, rows)], fill=lawn)


def _paint_back(pen: ImageDraw.ImageDraw, rng: np.random.Generator, kind: str, columns: int, horizon: int) -> None:
    """The background of the kind ``kind``, from the top of the image to the horizon."""
    walls = {
        "brick wall": (152, 92, 74),
        "plaster wall": (204, 196, 178),
        "glass front": (92, 112, 128),
        "parked cars": (168, 168, 166),
    }
    pen.rectangle((0, 0, columns, horizon + 4), fill=vary(walls.get(kind, (188, 204, 216)), rng))
    if kind in ("hedge", "trees"):
        for _ in range(260):
            x, y = rng.uniform(0, columns), rng.uniform(0.1 if kind == "trees" else 0.35, 1.0) * horizon
            reach = rng.uniform(12, 46)
            pen.ellipse(
                (x - reach, y - 0.7 * reach, x + reach, min(y + 0.7 * reach, horizon + 6)),
                fill=vary(GREENS[rng.integers(4)], rng, 9),
            )
        if kind == "trees":
            for x in rng.uniform(0, columns, 7):
                pen.rectangle((x, 0.2 * horizon, x + rng.uniform(10, 22), horizon + 10), fill=vary((92, 74, 58), rng))
    else:
        _paint_windows(pen, rng, kind, columns, horizon)
    if kind == "parked cars":
        for x in range(-60, columns, 250):
            paint_car(
                pen, x + float(rng.normal(0, 20)), horizon, 110, vary(CAR_COLOURS[rng.integers(len(CAR_COLOURS))], rng)
            )


def _paint_windows(pen: ImageDraw.ImageDraw, rng: np.random.Generator, kind: str, columns: int, horizon: int) -> None:
    pitch = {"glass front": 74, "brick wall": 150, "plaster wall": 190}.get(kind, 170)
    pane = vary((58, 70, 84), rng)
    for x in range(int(rng.integers(-pitch, 0)), columns, pitch):
        top, low = (0.04, 0.97) if kind == "glass front" else (0.12, 0.66)
        box = (x, top * horizon, x + 0.8 * pitch if kind == "glass front" else x + 0.5 * pitch, low * horizon)
        pen.rectangle(box, fill=vary(pane, rng, 10), outline=(222, 222, 218), width=4)
        pen.line([((box[0] + box[2]) / 2, box[1]), ((box[0] + box[2]) / 2, box[3])], fill=(214, 214, 208), width=3)


CAR_COLOURS: tuple[Colour, ...] = (
    (188, 190, 194),
    (44, 46, 52),
    (142, 34, 36),
    (42, 66, 112),
    (226, 226, 224),
    (96, 104, 96),
)


def paint_car(pen: ImageDraw.ImageDraw, x: float, base: float, height: float, colour: Colour) -> None:
    """Paint a car from its side.

    Args:
        pen: Draws on the scene.
        x: Left end of the car in pixels.
        base: Height of the ground under its wheels in pixels.
        height: Height of the car in pixels.
        colour: Colour of its body.
    """
    length, dark = 2.5 * height, tuple(int(0.55 * channel) for channel in colour)
    cabin = [
        (x + 0.2 * length, base - 0.58 * height),
        (x + 0.32 * length, base - height),
        (x + 0.7 * length, base - height),
        (x + 0.86 * length, base - 0.58 * height),
    ]
    pen.polygon(cabin, fill=colour)
    glass = [
        (x + 0.25 * length, base - 0.6 * height),
        (x + 0.345 * length, base - 0.92 * height),
        (x + 0.68 * length, base - 0.92 * height),
        (x + 0.8 * length, base - 0.6 * height),
    ]
    pen.polygon(glass, fill=(52, 62, 74))
    pen.line(
        [(x + 0.51 * length, base - 0.94 * height), (x + 0.51 * length, base - 0.58 * height)],
        fill=colour,
        width=max(2, int(0.04 * height)),
    )
    pen.rounded_rectangle((x, base - 0.6 * height, x + length, base - 0.14 * height), radius=0.14 * height, fill=colour)
    pen.rectangle((x + 0.02 * length, base - 0.26 * height, x + 0.98 * length, base - 0.14 * height), fill=dark)
    for wheel in (0.2, 0.78):
        reach = 0.19 * height
        centre = x + wheel * length
        pen.ellipse((centre - reach, base - 2 * reach, centre + reach, base), fill=(26, 26, 28))
        pen.ellipse(
            (centre - 0.5 * reach, base - 1.5 * reach, centre + 0.5 * reach, base - 0.5 * reach), fill=(150, 152, 156)
        )


def paint_bush(pen: ImageDraw.ImageDraw, rng: np.random.Generator, x: float, base: float, reach: float) -> None:
    """Paint a bush of leaves.

    Args:
        pen: Draws on the scene.
        rng: Random numbers of its leaves.
        x: Middle of the bush in pixels.
        base: Height of the ground under it in pixels.
        reach: Half its width in pixels.
    """
    for _ in range(46):
        angle, distance = rng.uniform(0, np.pi), reach * np.sqrt(rng.uniform(0, 1))
        leaf_x, leaf_y, size = (
            x + distance * np.cos(angle),
            base - 0.9 * distance * np.sin(angle),
            rng.uniform(0.12, 0.26) * reach,
        )
        pen.ellipse(
            (leaf_x - size, leaf_y - 0.8 * size, leaf_x + size, leaf_y + 0.8 * size),
            fill=vary(GREENS[rng.integers(4)], rng, 10),
        )


def _paint_thing(pen: ImageDraw.ImageDraw, rng: np.random.Generator, columns: int, horizon: int) -> None:
    """Paint one piece of clutter: a lamp post, a sign, a bin, a bush, a bicycle or a bench."""
    x, base = float(rng.uniform(0, columns)), horizon + float(rng.uniform(0, 70))
    kind = rng.choice(["post", "sign", "bin", "bush", "bicycle", "bench"])
    if kind in ("post", "sign"):
        wide = rng.uniform(6, 13)
        pen.rectangle((x, 0 if kind == "post" else base - 170, x + wide, base), fill=vary((96, 98, 100), rng, 20))
        if kind == "sign":
            face = ((30, 84, 160), (190, 40, 40), (236, 232, 220), (40, 130, 70))[rng.integers(4)]
            pen.rectangle((x - 24, base - 190, x + 30, base - 140), fill=face)
    elif kind == "bin":
        pen.rounded_rectangle(
            (x, base - 70, x + 44, base),
            radius=6,
            fill=vary(((40, 92, 60), (60, 62, 66), (40, 70, 130))[rng.integers(3)], rng),
        )
    elif kind == "bush":
        paint_bush(pen, rng, x, base, float(rng.uniform(30, 60)))
    elif kind == "bicycle":
        frame = vary(((160, 40, 40), (40, 60, 120), (60, 60, 62))[rng.integers(3)], rng)
        for wheel in (0, 78):
            pen.ellipse((x + wheel, base - 52, x + wheel + 52, base), outline=(34, 34, 36), width=4)
        pen.line(
            [(x + 26, base - 26), (x + 48, base - 66), (x + 92, base - 66), (x + 62, base - 24), (x + 48, base - 66)],
            fill=frame,
            width=4,
        )
        pen.line([(x + 104, base - 26), (x + 88, base - 80), (x + 76, base - 84)], fill=frame, width=4)
    else:
        pen.rectangle((x, base - 40, x + 120, base - 32), fill=vary((124, 92, 62), rng))
        pen.rectangle((x, base - 64, x + 120, base - 54), fill=vary((124, 92, 62), rng))
        for leg in (10, 104):
            pen.rectangle((x + leg, base - 54, x + leg + 6, base), fill=(52, 52, 54))
