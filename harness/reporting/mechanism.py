"""The mechanism curve of a method: its full network and its baseline along a dial of the embedded data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from markupsafe import Markup

from harness.reporting.band_chart import Band, band_chart
from harness.reporting.layout import Layout
from harness.reporting.typeset import typeset
from harness.reporting.wording import fixed

DIAL = re.compile(r"^(?P<base>[^:=]+):(?P<dial>[A-Za-z_]+)=(?P<position>\d+(?:\.\d+)?)$")
"""A dataset at one position of a dial: ``synthetic:misalignment=2``."""
METRIC = "map"


@dataclass(frozen=True)
class MechanismCurve:
    """A drawing with its numbers: per row, one cell per position, ``–`` where nothing is measured."""

    title: str
    page: str
    drawing: Markup
    positions: tuple[str, ...]
    rows: tuple[tuple[Markup, tuple[str, ...]], ...]
    seeds: str


def is_mechanism(layout: Layout) -> bool:
    """Whether a table's columns are positions of one dial."""
    found = [DIAL.match(column) for column in layout.table.columns]
    return bool(found) and all(found) and len({each["dial"] for each in found if each}) == 1


def mechanism_curve(layout: Layout) -> MechanismCurve | None:
    """The curve of a table whose columns are positions of a dial; None where nothing is measured."""
    bands = {profile: _bands(layout, profile) for profile in dict.fromkeys(g.profile for g in layout.measured)}
    if not bands:
        return None
    profile, drawn = max(bands.items(), key=lambda item: sum(len(band.x) for band in item[1].values()))
    first = DIAL.match(layout.table.columns[0])
    assert first
    dial = first["dial"].replace("_", " ")
    positions = sorted({place for band in drawn.values() for place in band.x})
    seeds = sorted({count for band in drawn.values() for count in band.seeds})
    return MechanismCurve(
        f"mAP along {dial}, profile {profile}",
        f"{layout.table.id}.html",
        band_chart(list(drawn.values()), f"{dial}, position of the dial"),
        tuple(f"{place:g}" for place in positions),
        tuple((typeset(name), _texts(band, positions)) for name, band in drawn.items()),
        " to ".join(dict.fromkeys([str(seeds[0]), str(seeds[-1])])),
    )


def _bands(layout: Layout, profile: str | None) -> Mapping[str, Band]:
    found = {}
    for row in layout.rows:
        points = sorted(
            (float(place["position"]), shown.cell.figures[METRIC].values)
            for group, shown in row.cells.items()
            if group.profile == profile and METRIC in shown.cell.figures and (place := DIAL.match(group.dataset))
        )
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


def _texts(band: Band, positions: list[float]) -> tuple[str, ...]:
    known = dict(zip(band.x, zip(band.mean, band.low, band.high, strict=True), strict=True))
    return tuple(
        "–" if place not in known else f"{fixed(known[place][0])} ({fixed(known[place][1])}–{fixed(known[place][2])})"
        for place in positions
    )
