"""The table of speeds: each of our own beside a limit and beside a peer, timed in turns in one process.

A limit is work that no exact code can do without. A peer is other code for the same task. The ratio is our speed
divided by theirs. Turns alternate, so that other work on the machine slows both alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import Literal

import torch

from harness.machine.hardware import device_name, hardware_facts

Seconds = Callable[[], float]
"""Does the work of one turn and returns its seconds, per image where the work is on images."""

IMAGES, PEOPLE = 2048, 256
HEIGHT, WIDTH = 256, 128
"""The made-up training set of the comparisons."""

PEERS = ("torchreid", "reid", "timm")


@dataclass(frozen=True)
class Other:
    """A limit or a peer. ``turn`` is None where a peer is not installed; ``turns`` bounds the turns of a slow one."""

    kind: Literal["limit", "peer"]
    name: str
    turn: Seconds | None
    at_least: float | None = None
    """The ratio that is required."""
    turns: int | None = None


@dataclass(frozen=True)
class Comparison:
    """A line of the table. ``ours`` and ``theirs`` are seconds of the turns, in order; no ``theirs``: not installed."""

    what: str
    per_image: bool
    ours: Sequence[float]
    other: Other
    theirs: Sequence[float]

    @property
    def ratio(self) -> float | None:
        """Our speed divided by theirs: the median over the turns that both took."""
        ratios = [theirs / ours for ours, theirs in zip(self.ours, self.theirs, strict=False)]
        return median(ratios) if ratios else None

    @property
    def falls_short(self) -> bool:
        """Whether the ratio is less than required."""
        required, ratio = self.other.at_least, self.ratio
        return required is not None and ratio is not None and ratio < required

    @property
    def cells(self) -> tuple[str, ...]:
        """What the table shows."""
        required = "" if self.other.at_least is None else f"at least {self.other.at_least:g}"
        ratio = "not installed" if self.ratio is None else f"{self.ratio:.{2 if self.ratio < 10 else 0}f}"
        named = f"{self.other.kind}: {self.other.name}"
        return self.what, self._speed(self.ours), named, self._speed(self.theirs), ratio, required

    def _speed(self, seconds: Sequence[float]) -> str:
        if not seconds:
            return ""
        return f"{1 / median(seconds):,.0f} images/s" if self.per_image else f"{median(seconds):.2f} s"


def compared(what: str, ours: Seconds, others: Sequence[Other], turns: int, per_image: bool) -> list[Comparison]:
    """Time our work and the others' in turns, ours first."""
    our_seconds: list[float] = []
    theirs: list[list[float]] = [[] for _ in others]
    for turn in range(turns):
        our_seconds.append(ours())
        for other, seconds in zip(others, theirs, strict=True):
            if other.turn is not None and turn < (other.turns or turns):
                seconds.append(other.turn())
    return [
        Comparison(what, per_image, our_seconds, other, seconds) for other, seconds in zip(others, theirs, strict=True)
    ]


HEADINGS = ("what", "ours", "beside", "theirs", "ratio", "required")


def table(lines: Sequence[Comparison]) -> str:
    """The comparisons as a table in plain text."""
    rows = [HEADINGS, *(line.cells for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def machine_line(device: str, bfloat16: bool) -> str:
    """The machine, the precision of networks and the versions: what a figure of the table depends on."""
    versions = [f"{package} {_version(package)}" for package in ("torch", *PEERS)]
    precision = "bfloat16" if bfloat16 else "float32"
    return f"{device_name(hardware_facts(device))}, our networks in {precision}; {', '.join(versions)}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def synchronise(device: torch.device) -> None:
    """Wait until a GPU has done its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
