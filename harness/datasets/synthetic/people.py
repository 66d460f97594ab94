"""The people of an edition: passers-by, people dressed for winter, or the players of two teams."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.datasets.synthetic.edition import Difficulty
from harness.datasets.synthetic.flavour import People
from harness.datasets.synthetic.person import HAIRS, SKINS, Colour, Garment, Person, draw_person

WINTER_WARDROBE: tuple[Colour, ...] = (
    (44, 46, 58),
    (96, 84, 72),
    (70, 88, 96),
    (146, 132, 112),
    (112, 52, 62),
    (74, 84, 58),
    (168, 162, 158),
    (62, 58, 96),
    (152, 92, 54),
    (50, 96, 98),
    (186, 170, 132),
    (128, 72, 96),
    (92, 104, 128),
    (176, 116, 108),
    (40, 62, 48),
    (206, 200, 192),
)
"""Clothing colours of the second domain, the commonest first."""

SHOES: tuple[Colour, ...] = (
    (232, 232, 228),
    (34, 34, 38),
    (206, 44, 48),
    (44, 92, 190),
    (232, 132, 36),
    (56, 170, 92),
    (226, 206, 62),
    (186, 72, 160),
)
KITS = (
    Garment((228, 228, 224), (176, 34, 42), "number", 0.62),
    Garment((34, 50, 112), (232, 190, 60), "number", 0.36),
)
"""Shirt and shorts of the two teams. The second colour is for the number."""


def draw_someone(people: People, rng: np.random.Generator, difficulty: Difficulty) -> Person:
    """Draw a person of the flavour's kind."""
    if people == "players":
        return _player(rng)
    if people == "winter walkers":
        return _winter_walker(rng, difficulty)
    return draw_person(rng, difficulty.wardrobe, difficulty.carryover)


def _winter_walker(rng: np.random.Generator, difficulty: Difficulty) -> Person:
    """A person with long sleeves, mostly a long coat, often a hat, and rarely bare legs."""
    person = draw_person(rng, difficulty.wardrobe, difficulty.carryover, WINTER_WARDROBE)
    hat = str(rng.choice([person.hat, "beanie"], p=[0.6, 0.4]))
    hem = float(rng.choice([0.36, 0.47, 0.5], p=[0.5, 0.3, 0.2]))
    kind = "trousers" if person.lower_kind == "shorts" or rng.random() < 0.6 else person.lower_kind
    return replace(person, sleeves="long", hat=hat, hem=hem, lower_kind=kind)


def _player(rng: np.random.Generator) -> Person:
    """A player in one of two kits. Only number, build, skin, hair and shoes tell players of a team apart."""
    kit = KITS[rng.integers(len(KITS))]
    return Person(
        width=float(rng.uniform(0.92, 1.16)),
        limb=float(rng.uniform(0.95, 1.2)),
        head=float(rng.uniform(0.9, 1.04)),
        legs=float(rng.uniform(1.0, 1.07)),
        skin=SKINS[rng.choice(len(SKINS), p=[0.2, 0.2, 0.2, 0.2, 0.2])],
        hair=HAIRS[rng.choice(len(HAIRS), p=[0.5, 0.2, 0.14, 0.12, 0.04])],
        hair_style=str(rng.choice(["short", "cropped", "bald", "ponytail"], p=[0.45, 0.3, 0.15, 0.1])),
        upper=kit,
        sleeves="none",
        hem=0.47,
        lower=replace(kit, pattern="plain"),
        lower_kind="shorts",
        skirt_hem=0.29,
        shoes=SHOES[rng.integers(len(SHOES))],
        hat="none",
        hat_colour=kit.colour,
        bag="none",
        bag_colour=kit.colour,
        number=int(rng.integers(4, 100)),
    )
