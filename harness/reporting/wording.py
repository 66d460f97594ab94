"""The form of numbers, metrics and verdicts on a page."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from harness.tables import Figure

DASH = "–"

METRIC_NAMES = {
    "map": "mAP",
    "map_trapezoid": "mAP, trapezoid form",
    "minp": "mINP",
    "params_m": "parameters, M",
    "flops_g": "GFLOPs",
    "time_ms": "time, ms",
    "time_s": "time, s",
}

CLAIM_MARKS = {"holds": "✓", "contradicted": "✗", "undecided": "?", "not checked": DASH}


def metric_name(metric: str) -> str:
    """``"rank1"`` as ``Rank-1``, ``"train_ids"`` as ``train ids``."""
    if metric.startswith("rank"):
        return f"Rank-{metric.removeprefix('rank')}"
    return METRIC_NAMES.get(metric, metric.replace("_", " "))


def printed(figure: Figure | None) -> str:
    """A published figure with its printed decimals; a dash for the paper's dash."""
    return DASH if figure is None else f"{figure:.{figure.decimals}f}"


def fixed(value: float | None, decimals: int = 1) -> str:
    """A number with ``decimals`` decimals; a dash for None."""
    return DASH if value is None else f"{value:.{decimals}f}"


def significant(value: float | None, digits: int = 4) -> str:
    """A number with ``digits`` significant digits; a dash for None."""
    return DASH if value is None else f"{value:.{digits}g}"


def signed(value: float, decimals: int = 1) -> str:
    """A difference with its sign, ``+0.8`` or ``−0.3`` (a true minus); ``0.0`` has none."""
    text = f"{value:+.{decimals}f}".replace("-", "−")
    return text[1:] if float(text[1:]) == 0 else text


def bound(value: float) -> str:
    """A bound of a difference, with more decimals where one would hide on which side of zero it lies."""
    return signed(value, 1 if abs(value) >= 0.05 else 2)


def count(value: float | None) -> str:
    """A whole number in groups of three digits; a dash for None."""
    return DASH if value is None else f"{value:,.0f}"


def millions(value: float | None) -> str:
    """A count in millions with two decimals; a dash for None."""
    return DASH if value is None else f"{value / 1e6:,.2f} M"


def item(value: Any) -> str:
    """One value of a receipt."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return plain_message(str(value))


def plain_tick(value: float) -> str:
    """A value of an axis, without needless decimals."""
    return f"{value:g}".replace("-", "−")


def moment(started: str) -> str:
    """A time of a record, ``2026-11-26T20:27:13+00:00``, as ``26 Nov 2026, 20:27``."""
    return f"{datetime.fromisoformat(started):%-d %b %Y, %H:%M}"


def listing(parts: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


_PATHS = (
    # In quotes a path may hold spaces.
    re.compile(r"(?<=')(?:~|/)[^'\n]*/(?P<name>[^'/\n]+)(?=')"),
    re.compile(r'(?<=")(?:~|/)[^"\n]*/(?P<name>[^"/\n]+)(?=")'),
    re.compile(r"(?:(?<=[\s\"'(=:,])|^)(?:~|/[\w.@+-]+)(?:/[\w.@+-]+)*/(?P<name>[\w.@+-]+)"),
)
_ERRNO = re.compile(r"\[(?:Errno|WinError) -?\d+\] ?")


def plain_message(text: str) -> str:
    """A message without what only this machine knows: of a path its last name stays, and no number of an error."""
    text = _ERRNO.sub("", text)
    for path in _PATHS:
        text = path.sub(r"\g<name>", text)
    return text
