"""Paints the arena before a camera: a wooden court with lines, and boards and spectators behind it."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from harness.datasets.synthetic.person import Colour
from harness.datasets.synthetic.scenery import Scene, develop, vary

WOODS: tuple[Colour, ...] = ((206, 164, 112), (196, 150, 98), (214, 178, 132), (188, 140, 92))
PAINTS: tuple[Colour, ...] = ((54, 84, 132), (140, 44, 48), (60, 104, 82), (92, 62, 112))
"""Paint of the zone under the basket."""
BOARDS: tuple[Colour, ...] = ((232, 232, 228), (30, 60, 120), (190, 40, 44), (24, 26, 30), (222, 180, 60))
LINE: Colour = (236, 236, 232)
SHIRTS: tuple[Colour, ...] = ((52, 54, 60), (120, 60, 60), (70, 86, 120), (146, 142, 134), (96, 98, 74))


def paint_court(rng: np.random.Generator, number: int, rows: int, columns: int, clutter: float) -> Scene:
    """The court before a camera.

    Args:
        rng: Random numbers of this scene.
        number: The camera's number, from 0.
        rows: Height of the panorama in pixels.
        columns: Width of the panorama in pixels.
        clutter: Multiplies the number of spectators.
    """
    image = Image.new("RGB", (columns, rows))
    pen = ImageDraw.Draw(image)
    horizon = int(rows * rng.uniform(0.26, 0.4))
    _paint_spectators(pen, rng, columns, horizon, clutter)
    _paint_boards(pen, rng, columns, horizon)
    _paint_floor(pen, rng, WOODS[number % len(WOODS)], columns, rows, horizon)
    _paint_lines(pen, rng, PAINTS[number % len(PAINTS)], columns, rows, horizon)
    return develop(rng, image)


def _paint_spectators(
    pen: ImageDraw.ImageDraw, rng: np.random.Generator, columns: int, horizon: int, clutter: float
) -> None:
    """Spectators in half-darkness."""
    pen.rectangle((0, 0, columns, horizon), fill=vary((44, 46, 52), rng, 6))
    for _ in range(rng.poisson(180 * clutter)):
        x, y = float(rng.uniform(0, columns)), float(rng.uniform(0.05, 0.8)) * horizon
        pen.ellipse((x - 12, y, x + 12, y + 40), fill=vary(SHIRTS[rng.integers(len(SHIRTS))], rng))
        pen.ellipse((x - 6, y - 12, x + 6, y + 3), fill=vary((150, 116, 94), rng))


def _paint_boards(pen: ImageDraw.ImageDraw, rng: np.random.Generator, columns: int, horizon: int) -> None:
    """Advertising boards along the court's far side."""
    top = int(0.72 * horizon)
    left = -int(rng.integers(0, 120))
    while left < columns:
        right = left + int(rng.integers(140, 320))
        ground, ink = (BOARDS[row] for row in rng.permutation(len(BOARDS))[:2])
        pen.rectangle((left, top, right, horizon), fill=ground)
        for x in range(left + 20, right - 30, 34):
            pen.rectangle((x, top + 12, x + int(rng.integers(12, 24)), horizon - 12), fill=ink)
        left = right


def _paint_floor(
    pen: ImageDraw.ImageDraw, rng: np.random.Generator, wood: Colour, columns: int, rows: int, horizon: int
) -> None:
    """Planks along the court, glossier in the distance."""
    depth, step = float(horizon), 4.0
    while depth < rows:
        shine = 1.08 - 0.12 * (depth - horizon) / (rows - horizon)
        plank = vary(wood, rng, 3)
        fill = tuple(min(255, int(channel * shine)) for channel in plank)
        pen.rectangle((0, depth, columns, depth + step), fill=fill)
        depth, step = depth + step, step * 1.12


def _paint_lines(
    pen: ImageDraw.ImageDraw, rng: np.random.Generator, paint: Colour, columns: int, rows: int, horizon: int
) -> None:
    """The zone under the basket, the side line and the arc."""
    left, wide = float(rng.uniform(0.1, 0.6)) * columns, 0.22 * columns
    low = horizon + 0.62 * (rows - horizon)
    zone = [(left, horizon + 14), (left + wide, horizon + 14), (left + 1.2 * wide, low), (left - 0.2 * wide, low)]
    pen.polygon(zone, fill=vary(paint, rng, 6))
    pen.line([*zone, zone[0]], fill=LINE, width=5)
    pen.line([(0, horizon + 10), (columns, horizon + 10)], fill=LINE, width=5)
    reach = 0.75 * wide
    middle = left + wide / 2
    pen.arc((middle - 2 * reach, low - reach, middle + 2 * reach, low + 0.8 * reach), 0, 180, fill=LINE, width=5)
