"""Curves of a mechanism: mAP of each row along a dial of the embedded data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean

from markupsafe import Markup

from harness.datasets.synthetic.dials import dialled, is_dialled
from harness.reporting.band_chart import Band, band_chart
from harness.reporting.cells import PROFILE_ORDER, Group
from harness.reporting.drawing import Drawing
from harness.reporting.layout import Layout
from harness.reporting.typeset import typeset
from harness.reporting.wording import fixed

METRIC = "map"


@dataclass(frozen=True)
class MechanismCurve:
    """A drawing of a table, given by its id, with the numbers: per row one cell per position, ``–`` if not measured."""

    title: str
    table: str
    drawing: Drawing
    positions: tuple[str, ...]
    rows: tuple[tuple[Markup, tuple[str, ...]], ...]
    seeds: str


@dataclass(frozen=True)
class _Position:
    """A group whose dataset turns one knob: its flavour and knob, and the number that the knob is turned to."""

    group: Group
    dial: tuple[str, str]
    number: float


def mechanism_curves(layout: Layout) -> list[MechanismCurve]:
    """One curve per profile and dial of a table of a mechanism; none for the paper's own tables."""
    if not layout.table.is_our_own:
        return []
    curves = []
    for profile in PROFILE_ORDER:
        found = [_position(group) for group in layout.measured if group.profile == profile]
        positions = sorted((each for each in found if each), key=lambda each: (each.dial, each.number))
        for (_, knob), of_dial in groupby(positions, key=lambda each: each.dial):
            bands = _bands(layout, list(of_dial))
            if bands:
                curves.append(_curve(layout, bands, f"mAP along {knob}, profile {profile}", knob))
    return curves


def _position(group: Group) -> _Position | None:
    """The position of a group that turns one knob; None for any other."""
    found = dialled(group.dataset) if is_dialled(group.dataset) else None
    if found is None or len(found.knobs) != 1:
        return None
    ((knob, number),) = found.knobs.items()
    return _Position(group, (found.own_edition.flavour.id, knob), number)


def _bands(layout: Layout, positions: Sequence[_Position]) -> dict[str, Band]:
    found = {}
    for row in layout.rows:
        points = [
            (each.number, shown.cell.figures[METRIC].values)
            for each in positions
            if (shown := row.cells.get(each.group)) and METRIC in shown.cell.figures
        ]
        if points:
            found[row.row.name] = Band(
                row.row.name,
                [place for place, _ in points],
                [fmean(values) for _, values in points],
                [min(values) for _, values in points],
                [max(values) for _, values in points],
                [len(values) for _, values in points],
            )
    return found


def _curve(layout: Layout, bands: dict[str, Band], title: str, knob: str) -> MechanismCurve:
    positions = sorted({place for band in bands.values() for place in band.x})
    seeds = sorted({count for band in bands.values() for count in band.seeds})
    return MechanismCurve(
        title,
        layout.table.id,
        band_chart(list(bands.values()), knob),
        tuple(f"{place:g}" for place in positions),
        tuple((typeset(name), _texts(band, positions)) for name, band in bands.items()),
        " to ".join(dict.fromkeys([str(seeds[0]), str(seeds[-1])])),
    )


def _texts(band: Band, positions: list[float]) -> tuple[str, ...]:
    known = dict(zip(band.x, zip(band.mean, band.low, band.high, band.seeds, strict=True), strict=True))
    return tuple(_text(*known[place]) if place in known else "–" for place in positions)


def _text(mean: float, low: float, high: float, seeds: int) -> str:
    """The mean; of several seeds also the lowest and the highest."""
    return fixed(mean) if seeds == 1 else f"{fixed(mean)} ({fixed(low)}–{fixed(high)})"
