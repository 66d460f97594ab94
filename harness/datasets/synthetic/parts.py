"""The parts of a drawn person, and their labels in parsing maps."""

from __future__ import annotations

from enum import IntEnum

LEVELS = 8
"""Shading levels per part: canvas value = part * LEVELS + level."""


class Part(IntEnum):
    """The part shown by a pixel of the canvas. ``BACKGROUND`` levels above 0 are cast shadow."""

    BACKGROUND = 0
    FACE = 1
    FEATURE = 2
    HAIR = 3
    HAT = 4
    NECK = 5
    TORSO = 6
    TORSO_LOW = 7
    LOGO = 8
    LEFT_UPPER_ARM = 9
    RIGHT_UPPER_ARM = 10
    LEFT_FOREARM = 11
    RIGHT_FOREARM = 12
    LEFT_HAND = 13
    RIGHT_HAND = 14
    LEFT_THIGH = 15
    RIGHT_THIGH = 16
    LEFT_SHIN = 17
    RIGHT_SHIN = 18
    LEFT_FOOT = 19
    RIGHT_FOOT = 20
    LEFT_SKIRT = 21
    RIGHT_SKIRT = 22
    BAG = 23
    STRAP = 24
    LEFT_LEG_SKIN = 25
    RIGHT_LEG_SKIN = 26


def part_of(side: str, name: str) -> Part:
    """The part called ``name`` on one side, ``part_of("left", "thigh")``."""
    return Part[f"{side}_{name}".upper().replace(" ", "_")]


HEAD, TORSO_AND_ARMS, LEFT_LEG, RIGHT_LEG = 1, 2, 3, 4
"""Labels of the parsing map; 0 is background. Left and right are the person's own."""


def parsing_label(part: Part) -> int:
    """The parsing label of a part. A bag belongs to the torso."""
    if part == Part.BACKGROUND:
        return 0
    if part in (Part.FACE, Part.FEATURE, Part.HAIR, Part.HAT):
        return HEAD
    for side, label in (("LEFT", LEFT_LEG), ("RIGHT", RIGHT_LEG)):
        if part.name.startswith(side) and part.name.endswith(("THIGH", "SHIN", "FOOT", "SKIRT", "LEG_SKIN")):
            return label
    return TORSO_AND_ARMS
