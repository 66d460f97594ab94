"""Small drawings beside figures: an interval, a dot per seed and the paper's mark, all rows on one scale."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MARGIN = 0.04
"""Room on both sides of a scale, as a fraction of its span."""
STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 25.0, 50.0, 100.0)
MOST_TICKS = 5


@dataclass(frozen=True)
class Scale:
    """The values at the left and at the right end of a drawing."""

    low: float
    high: float

    @classmethod
    def over(cls, values: Iterable[float]) -> Scale:
        """The scale that holds these values, with a margin; at least one point wide."""
        found = list(values)
        low, high = min(found), max(found)
        if high - low < 1:
            low, high = (low + high) / 2 - 0.5, (low + high) / 2 + 0.5
        margin = MARGIN * (high - low)
        return cls(low - margin, high + margin)

    def at(self, value: float) -> float:
        """Place of a value in percent of the width."""
        return round(100 * (value - self.low) / (self.high - self.low), 2)

    @property
    def ticks(self) -> list[float]:
        """A few round values on the scale, from the left."""
        span = self.high - self.low
        step = next((step for step in STEPS if span / step <= MOST_TICKS), STEPS[-1])
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [round(step * number, 1) for number in range(first, last + 1)]


@dataclass(frozen=True)
class Glyph:
    """Places in percent of the width. ``paper`` is the published value, ``zero`` a line through all rows."""

    interval: tuple[float, float] | None
    mean: float
    dots: tuple[float, ...]
    paper: float | None = None
    zero: float | None = None


def glyph(
    scale: Scale,
    mean: float,
    interval: tuple[float, float] | None,
    values: Sequence[float] = (),
    paper: float | None = None,
    zero: bool = False,
) -> Glyph:
    """A drawing on a scale.

    Args:
        scale: The scale of all rows.
        mean: The figure itself.
        interval: Its interval; None where there is none.
        values: One value per seed, drawn as dots where there are several.
        paper: The published value; None where it is not to be compared.
        zero: Whether the line of zero is drawn.
    """
    return Glyph(
        (scale.at(interval[0]), scale.at(interval[1])) if interval else None,
        scale.at(mean),
        tuple(map(scale.at, values)) if len(values) > 1 else (),
        None if paper is None else scale.at(paper),
        scale.at(0) if zero else None,
    )
