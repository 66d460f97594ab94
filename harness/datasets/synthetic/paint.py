"""Colours a canvas of parts: the look of each part in visible light and in the infrared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.datasets.synthetic.parts import LEVELS, Part
from harness.datasets.synthetic.person import Colour, Garment, Person

SHADE = np.array([0.48, 0.6, 0.72, 0.84, 0.95, 1.05, 1.13, 1.2], dtype=np.float32)
"""Brightness of a part's shading levels."""

SHADOW = np.array([1.0, 1.0, 0.74, 1.0, 0.58, 1.0, 1.0, 1.0], dtype=np.float32)
"""Brightness of the background's levels: cast shadow."""

SKIN_REFLECTANCE, HAIR_REFLECTANCE = 0.8, 0.34
"""In the near infrared, skin of every colour is bright."""

INFRARED_PATTERN = 0.3
"""Share of a pattern's contrast that survives in the infrared."""

UPPER_ALWAYS = (Part.TORSO, Part.TORSO_LOW)
UPPER_ARMS = (Part.LEFT_UPPER_ARM, Part.RIGHT_UPPER_ARM)
FOREARMS = (Part.LEFT_FOREARM, Part.RIGHT_FOREARM)
LOWER = (Part.LEFT_THIGH, Part.RIGHT_THIGH, Part.LEFT_SHIN, Part.RIGHT_SHIN, Part.LEFT_SKIRT, Part.RIGHT_SKIRT)
SKIN = (Part.NECK, Part.FACE, Part.LEFT_HAND, Part.RIGHT_HAND, Part.LEFT_LEG_SKIN, Part.RIGHT_LEG_SKIN)


def sleeve_parts(person: Person) -> tuple[Part, ...]:
    """The parts of the arms that the upper garment covers."""
    return {"none": (), "short": UPPER_ARMS, "long": UPPER_ARMS + FOREARMS}[person.sleeves]


@dataclass(frozen=True)
class Palette:
    """Colours by canvas value. ``plain`` and ``figured`` are (256,); ``figured`` is for the pattern of a garment.

    A value packs red, green, blue and infrared, one byte each, in memory order.
    """

    plain: NDArray[np.uint32]
    figured: NDArray[np.uint32]


def palette_of(person: Person) -> Palette:
    """The colours of one person."""
    plain = np.zeros((len(Part), 4), dtype=np.float32)
    bare = SKIN + tuple(part for part in UPPER_ARMS + FOREARMS if part not in sleeve_parts(person))
    for part in bare:
        plain[part] = _paint(person.skin, SKIN_REFLECTANCE)
    plain[Part.FEATURE] = _paint((96, 58, 52), 0.45)
    plain[Part.HAIR] = _paint(person.hair, HAIR_REFLECTANCE)
    plain[Part.HAT] = _paint(person.hat_colour, _reflectance(person.hat_colour))
    plain[[Part.LEFT_FOOT, Part.RIGHT_FOOT]] = _paint(person.shoes, _reflectance(person.shoes))
    plain[Part.BAG] = _paint(person.bag_colour, _reflectance(person.bag_colour))
    plain[Part.STRAP] = plain[Part.BAG] * 0.8
    figured = plain.copy()
    upper = UPPER_ALWAYS + sleeve_parts(person)
    for garment, parts in ((person.upper, upper), (person.lower, LOWER)):
        plain[list(parts)] = _paint(garment.colour, garment.reflectance)
        figured[list(parts)] = _figure(garment)
    plain[Part.LOGO] = figured[Part.LOGO] = _figure(person.upper)
    if person.upper.pattern == "two-tone":
        plain[Part.TORSO_LOW] = _figure(person.upper)
    return Palette(_shaded(plain), _shaded(figured))


def _reflectance(colour: Colour) -> float:
    return 0.25 + 0.4 * sum(colour) / 765


def _paint(colour: Colour, reflectance: float) -> NDArray[np.float32]:
    return np.array([*colour, 255 * reflectance], dtype=np.float32)


def _figure(garment: Garment) -> NDArray[np.float32]:
    """The second colour. The infrared keeps only a share of the dyes' difference in brightness."""
    difference = (sum(garment.second) - sum(garment.colour)) / 765
    reflectance = float(np.clip(garment.reflectance + INFRARED_PATTERN * difference, 0.05, 0.95))
    return _paint(garment.second, reflectance)


def _shaded(parts: NDArray[np.float32]) -> NDArray[np.uint32]:
    values = np.zeros((256, 4), dtype=np.uint8)
    values[: len(Part) * LEVELS] = np.clip(parts[:, None, :] * SHADE[None, :, None], 0, 255).reshape(-1, 4)
    return values.view(np.uint32)[:, 0]


def pattern_mask(
    person: Person, canvas: NDArray[np.uint8], origin: tuple[float, float], scale: float
) -> NDArray[np.bool_]:
    """Pixels of the second colour in a person's patterned clothes, (rows, columns). Patterns move with the body.

    Args:
        person: Wears the clothes.
        canvas: Parts and shading levels, (rows, columns).
        origin: The neck's (x, y) on the canvas.
        scale: A body height in canvas pixels.
    """
    rows = (np.arange(canvas.shape[0], dtype=np.float32) - origin[1])[:, None] / scale
    columns = (np.arange(canvas.shape[1], dtype=np.float32) - origin[0])[None, :] / scale
    mask = np.zeros(canvas.shape, dtype=bool)
    for garment, parts in ((person.upper, UPPER_ALWAYS + sleeve_parts(person)), (person.lower, LOWER)):
        if garment.pattern in ("stripes", "bars", "checks"):
            worn = np.repeat(np.isin(np.arange(256 // LEVELS), parts), LEVELS)
            np.logical_or(mask, worn[canvas] & _weave(garment.pattern, rows, columns), out=mask)
    return mask


def _weave(pattern: str, rows: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.bool_]:
    """A pattern across the body (stripes), along it (bars), or both (checks). Rows and columns are in body heights."""
    across, along = rows % 0.052 < 0.022, columns % 0.044 < 0.016
    if pattern == "checks":
        return across ^ along
    shape = np.broadcast_shapes(rows.shape, columns.shape)
    return np.broadcast_to(across if pattern == "stripes" else along, shape)
