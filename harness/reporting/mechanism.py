"""Curves of a mechanism: mAP of each row along a dial of the embedded data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean

from harness.datasets import dataset as dataset_spec
from harness.datasets.synthetic.dials import dialled, is_dialled
from harness.reporting.cells import PROFILE_ORDER, Group, MeasuredCell
from harness.reporting.charts import Band, band_chart
from harness.reporting.layout import Layout
from harness.reporting.sections import Chart


@dataclass(frozen=True)
class _Position:
    """A group whose dataset turns one knob: the dial it is on, and its number."""

    group: Group
    dial: tuple[str, str]
    number: float


def mechanism_charts(layout: Layout) -> list[Chart]:
    """One chart per profile and dial on which at least two positions were measured; none for the paper's own tables."""
    if not layout.table.shows_mechanism:
        return []
    charts = []
    for profile in PROFILE_ORDER:
        found = [_position(group) for group in layout.measured if group.profile == profile]
        positions = sorted((each for each in found if each), key=lambda each: (each.dial, each.number))
        for dial, of_dial in groupby(positions, key=lambda each: each.dial):
            charts += _chart(layout, list(of_dial), dial, profile)
    return charts


def _position(group: Group) -> _Position | None:
    if not is_dialled(group.dataset):
        return None
    found = dialled(group.dataset)
    if len(found.knobs) != 1:
        return None
    ((knob, number),) = found.knobs.items()
    return _Position(group, (found.own_edition.flavour.id, knob), number)


def _chart(layout: Layout, positions: Sequence[_Position], dial: tuple[str, str], profile: str) -> list[Chart]:
    cells = [(each.number, {cell.row.key: cell for cell in layout.cells(each.group)}) for each in positions]
    bands = []
    for row in (row.row for row in layout.rows if row.row.runs):
        measured = [(number, of_row[row.key]) for number, of_row in cells if row.key in of_row and of_row[row.key].done]
        if len(measured) > 1:
            bands.append(_band(row.name, measured))
    if not bands:
        return []
    flavour, knob = dial
    title = f"mAP against {knob}, {profile}"
    caption = (
        f"{dataset_spec(flavour).title}: mean over seeds. The band spans the seeds, lowest to highest; for "
        "one seed it is the 95 % bootstrap interval by identity."
    )
    return [Chart(title, caption, "the values stand in the table", band_chart(bands, knob))]


def _band(name: str, measured: Sequence[tuple[float, MeasuredCell]]) -> Band:
    x, y, low, high = [], [], [], []
    for number, cell in measured:
        values = [record["metrics"]["map"] for record in cell.done]
        ends = values if len(values) > 1 else cell.done[0]["intervals"]["map"]["by_identity"]
        x.append(number)
        y.append(fmean(values))
        low.append(min(ends))
        high.append(max(ends))
    return Band(name, x, y, low, high)
