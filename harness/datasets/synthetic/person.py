"""An identity: the body, clothes and belongings that stay the same under every camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Colour = tuple[int, int, int]

WARDROBE: tuple[Colour, ...] = (
    (32, 32, 36),
    (226, 226, 222),
    (52, 74, 128),
    (124, 126, 130),
    (178, 38, 44),
    (196, 176, 138),
    (52, 112, 68),
    (222, 178, 52),
    (214, 128, 158),
    (112, 164, 210),
    (98, 66, 44),
    (112, 66, 138),
    (224, 112, 40),
    (38, 134, 140),
    (128, 134, 70),
    (110, 30, 46),
)
"""Clothing colours, the commonest first. An edition's wardrobe is the first few of this list."""

SKINS: tuple[Colour, ...] = ((238, 200, 172), (222, 176, 142), (196, 146, 110), (148, 102, 74), (100, 68, 50))
HAIRS: tuple[Colour, ...] = ((24, 20, 20), (48, 34, 26), (92, 62, 40), (150, 112, 62), (138, 134, 130))
PATTERNS = ("plain", "stripes", "bars", "checks", "logo", "two-tone")
TROUSER_COLOURS = (0, 2, 3, 5, 1, 10, 14)
"""Rows of a closet, in order of preference for lower clothing."""


@dataclass(frozen=True)
class Garment:
    """A piece of clothing. ``reflectance`` is its brightness in the infrared: the fabric counts, hardly the dye."""

    colour: Colour
    second: Colour
    pattern: str
    reflectance: float


@dataclass(frozen=True)
class Person:
    """One identity. Lengths are in body heights; ``width``, ``limb`` and ``head`` multiply an average body."""

    width: float
    limb: float
    head: float
    legs: float
    skin: Colour
    hair: Colour
    hair_style: str
    upper: Garment
    sleeves: str
    hem: float
    lower: Garment
    lower_kind: str
    skirt_hem: float
    shoes: Colour
    hat: str
    hat_colour: Colour
    bag: str
    bag_colour: Colour
    number: int | None = None
    """The number on a player's shirt."""


def dye(colour: Colour, rng: np.random.Generator) -> Colour:
    """Vary a wardrobe's colour slightly for one garment: no two shirts are quite alike."""
    shift = rng.normal(0, 7, 3) + rng.normal(0, 6)
    red, green, blue = (
        round(min(244.0, max(12.0, channel + change))) for channel, change in zip(colour, shift, strict=True)
    )
    return red, green, blue


def draw_garment(
    rng: np.random.Generator, colours: list[Colour], patterns: dict[str, float], carryover: float
) -> Garment:
    """Draw a garment in one or two of ``colours``; the first are commoner.

    Args:
        rng: Random numbers of the person.
        colours: The closet's colours.
        patterns: Patterns with their weights.
        carryover: Share of the brightness in the infrared that comes from the visible colour.
    """
    weights = 1.0 / (np.arange(len(colours)) + 3.0)
    first, second = rng.choice(len(colours), 2, replace=False, p=weights / weights.sum())
    shares = np.array(list(patterns.values()))
    pattern = list(patterns)[rng.choice(len(patterns), p=shares / shares.sum())]
    colour = dye(colours[first], rng)
    luminance = float(np.mean(colour)) / 255
    reflectance = carryover * luminance + (1 - carryover) * float(rng.uniform(0.2, 0.75))
    return Garment(colour, dye(colours[second], rng), pattern, reflectance)


def draw_person(
    rng: np.random.Generator, wardrobe: int, carryover: float, closet: tuple[Colour, ...] = WARDROBE
) -> Person:
    """Draw a person dressed in the first ``wardrobe`` colours of ``closet``. ``carryover`` is that of the garments."""
    colours = list(closet[:wardrobe])
    lower_colours = [closet[row] for row in TROUSER_COLOURS if row < wardrobe]
    feminine = rng.random() < 0.5
    upper = draw_garment(
        rng, colours, {"plain": 5, "stripes": 1.2, "bars": 0.6, "checks": 1, "logo": 1.6, "two-tone": 1.2}, carryover
    )
    lower = draw_garment(rng, lower_colours, {"plain": 9, "checks": 0.5, "stripes": 0.5}, carryover)
    kinds = ["trousers", "shorts", "skirt", "dress"]
    lower_kind = str(rng.choice(kinds, p=[0.55, 0.1, 0.2, 0.15] if feminine else [0.72, 0.28, 0, 0]))
    if lower_kind == "dress":
        lower = upper
    return Person(
        width=float(rng.uniform(0.84, 1.06) if feminine else rng.uniform(0.92, 1.22)),
        limb=float(rng.uniform(0.85, 1.2)),
        head=float(rng.uniform(0.93, 1.14)),
        legs=float(rng.uniform(0.94, 1.06)),
        skin=SKINS[rng.choice(len(SKINS), p=[0.3, 0.3, 0.2, 0.12, 0.08])],
        hair=HAIRS[rng.choice(len(HAIRS), p=[0.42, 0.26, 0.16, 0.09, 0.07])],
        hair_style=str(rng.choice(["long", "ponytail", "bob"] if feminine else ["short", "short", "cropped", "bald"])),
        upper=upper,
        sleeves=str(rng.choice(["short", "long", "none"], p=[0.5, 0.42, 0.08])),
        hem=float(rng.choice([0.5, 0.47, 0.36], p=[0.5, 0.38, 0.12])),
        lower=lower,
        lower_kind=lower_kind,
        skirt_hem=float(rng.choice([0.29, 0.37])),
        shoes=dye(colours[rng.integers(min(len(colours), 6))], rng),
        hat=str(rng.choice(["none", "cap", "beanie"], p=[0.84, 0.11, 0.05])),
        hat_colour=dye(colours[rng.integers(len(colours))], rng),
        bag=str(rng.choice(["none", "backpack", "handbag", "shoulder bag"], p=[0.5, 0.24, 0.13, 0.13])),
        bag_colour=dye(colours[rng.integers(len(colours))], rng),
    )
