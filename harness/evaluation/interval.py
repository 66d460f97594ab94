"""The type of an interval in records. Needs no NumPy."""

from __future__ import annotations

from typing import TypedDict


class Interval(TypedDict):
    """95 % bootstrap intervals of a metric in percent, each ``[low, high]``."""

    by_query: list[float]
    by_identity: list[float]
