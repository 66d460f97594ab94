"""A chart of curves, each with a band over its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from harness.reporting.charts import DASHES, MARKERS, chart_style, page_svg
from harness.reporting.drawing import SERIES, Drawing
from harness.reporting.typeset import set_name
from harness.reporting.wording import plain_tick


@dataclass(frozen=True)
class Band:
    """One curve in percent: the mean over its seeds, the lowest and the highest seed, and how many there are."""

    name: str
    x: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    seeds: Sequence[int]


def band_chart(bands: Sequence[Band], along: str) -> Drawing:
    """mAP in percent along a dial. Each curve has its own colour, dash and marker, and is named at its end."""
    with chart_style("band"):
        figure = Figure(figsize=(8.2, 3.6))
        axes = figure.subplots()
        for number, band in enumerate(bands):
            colour = SERIES[number % len(SERIES)]
            dash, marker = DASHES[number % len(DASHES)], MARKERS[number % len(MARKERS)]
            axes.fill_between(band.x, band.low, band.high, color=colour, alpha=0.16, linewidth=0)
            axes.plot(band.x, band.mean, color=colour, linestyle=dash, marker=marker, markersize=4.5, linewidth=1.6)
            end = (band.x[-1], band.mean[-1])
            name = axes.annotate(band.name, end, (9, 0), textcoords="offset points", va="center", color=colour)
            set_name(name, band.name)
        axes.set(xlabel=along, ylabel="mAP, %")
        places = sorted({place for band in bands for place in band.x})
        axes.set_xticks(places, [plain_tick(place) for place in places])
        return page_svg(figure, axes)
