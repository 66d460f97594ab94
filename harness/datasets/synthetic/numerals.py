"""Digits on a shirt, as strokes of seven segments."""

from __future__ import annotations

Stroke = tuple[float, float, float, float]
"""Left, top, right and bottom in a cell of width 1 and height 1."""

_THICK = 0.28
_SEGMENTS: dict[str, Stroke] = {
    "top": (0.0, 0.0, 1.0, 0.18),
    "upper left": (0.0, 0.0, _THICK, 0.55),
    "upper right": (1 - _THICK, 0.0, 1.0, 0.55),
    "middle": (0.0, 0.41, 1.0, 0.59),
    "lower left": (0.0, 0.45, _THICK, 1.0),
    "lower right": (1 - _THICK, 0.45, 1.0, 1.0),
    "bottom": (0.0, 0.82, 1.0, 1.0),
}
_UNLIT: dict[str, tuple[str, ...]] = {
    "0": ("middle",),
    "1": ("top", "upper left", "middle", "lower left", "bottom"),
    "2": ("upper left", "lower right"),
    "3": ("upper left", "lower left"),
    "4": ("top", "lower left", "bottom"),
    "5": ("upper right", "lower left"),
    "6": ("upper right",),
    "7": ("upper left", "middle", "lower left", "bottom"),
    "8": (),
    "9": ("lower left",),
}


def strokes(number: int) -> list[Stroke]:
    """The strokes of a number in a box of width 1 and height 1, its digits side by side."""
    digits = str(number)
    cell = 1 / len(digits)
    wide = cell * (0.84 if len(digits) > 1 else 0.6)
    found = []
    for place, digit in enumerate(digits):
        start = place * cell + (cell - wide) / 2
        for name, (left, top, right, bottom) in _SEGMENTS.items():
            if name not in _UNLIT[digit]:
                found.append((start + left * wide, top, start + right * wide, bottom))
    return found
