"""Charts: curves, bars with intervals, training losses."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import matplotlib
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.reporting.drawing import FAINT, INK, SERIES, Drawing, drawing
from harness.reporting.typeset import set_name

RANKS = 20
"""Ranks shown of a CMC curve."""

DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
PANELS_ABREAST = 4
TITLE_CHARACTERS, TITLE_LINES = 24, 2
"""Room for a panel's title beside its neighbour's; the rest becomes an ellipsis."""


@dataclass(frozen=True)
class Line:
    """One curve: its name and its points."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True)
class Bar:
    """One measured value in percent with its interval."""

    name: str
    value: float
    low: float
    high: float


def cmc_chart(lines: Sequence[Line]) -> Drawing:
    """Matching rate in percent by rank. One line per row, each with its own colour, dash and marker."""
    with chart_style("cmc"):
        figure = Figure(figsize=(8.2, max(3.6, 0.2 * len(lines))))
        axes = figure.subplots()
        for number, line in enumerate(lines):
            axes.plot(
                line.x,
                line.y,
                label=line.name,
                color=SERIES[number % len(SERIES)],
                linestyle=DASHES[number // len(SERIES) % len(DASHES)],
                marker=MARKERS[number % len(MARKERS)],
                markersize=3.6,
                markevery=(number % 3, 3),
                linewidth=1.5,
            )
        axes.set(xlabel="Rank", ylabel="Queries matched, %", xlim=(0.5, RANKS + 0.5))
        axes.set_xticks([1, 5, 10, 15, 20])
        legend = axes.legend(
            loc="center left",
            bbox_to_anchor=(1.01, 0.5),
            frameon=False,
            fontsize=8.5,
            labelcolor=INK,
            handlelength=3.6,  # Long enough to show the dashes on both sides of the marker.
        )
        for text, line in zip(legend.get_texts(), lines, strict=True):
            set_name(text, line.name)
        return page_svg(figure, axes)


def map_chart(bars: Sequence[Bar]) -> Drawing:
    """mAP in percent: one bar per row, from the top, with the 95 % interval by identity."""
    with chart_style("map"):
        figure = Figure(figsize=(8.2, 0.7 + 0.27 * len(bars)))
        axes = figure.subplots()
        places = range(len(bars))
        axes.barh(places, [bar.value for bar in bars], height=0.62, color=SERIES[0], alpha=0.55, linewidth=0)
        axes.errorbar(
            [bar.value for bar in bars],
            places,
            xerr=[[bar.value - bar.low for bar in bars], [bar.high - bar.value for bar in bars]],
            fmt="none",
            ecolor=INK,
            elinewidth=1.1,
            capsize=2.5,
        )
        for place, bar in zip(places, bars, strict=True):
            axes.annotate(
                f"{bar.value:.1f}", (bar.high, place), (5, 0), textcoords="offset points", va="center", color=INK
            )
        axes.set_yticks(places, [bar.name for bar in bars])
        for label, bar in zip(axes.get_yticklabels(), bars, strict=True):
            set_name(label, bar.name)
        axes.invert_yaxis()
        axes.margins(x=0.08, y=0.02)
        axes.set(xlabel="mAP, %", xlim=(0, None))
        axes.grid(visible=False, axis="y")
        return page_svg(figure, axes)


def loss_chart(panels: Sequence[tuple[str, Sequence[Line]]]) -> Drawing:
    """Mean training loss per epoch: one small panel per training, one line per seed, all on one scale."""
    with chart_style("loss"):
        wide = min(PANELS_ABREAST, len(panels))
        high = math.ceil(len(panels) / wide)
        figure = Figure(figsize=(8.2 / PANELS_ABREAST * wide + 0.3, 1.55 * high + 0.3))
        grid = list(figure.subplots(high, wide, sharex=True, sharey=True, squeeze=False).flat)
        for axes, (name, lines) in zip(grid, panels, strict=False):
            for line in lines:
                axes.plot(line.x, line.y, color=SERIES[0], linewidth=1.3)
            axes.set_title(_panel_title(name), fontsize=8, color=INK, loc="left")
            axes.tick_params(labelsize=7.5)
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        figure.supxlabel("Epoch", fontsize=8.5, color=INK)
        figure.supylabel("Loss", fontsize=8.5, color=INK)
        return page_svg(figure, *figure.axes)


def _panel_title(name: str) -> str:
    return "\n".join(textwrap.wrap(name, TITLE_CHARACTERS, max_lines=TITLE_LINES, placeholder=" …"))


def chart_style(salt: str) -> AbstractContextManager[None]:
    """Settings of one chart. The salt keeps its SVG ids apart from other charts' ids."""
    settings = seaborn.axes_style("whitegrid") | {
        "svg.hashsalt": salt,
        "svg.fonttype": "none",
        "text.parse_math": False,
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.edgecolor": FAINT,
        "axes.labelcolor": INK,
        "grid.color": FAINT,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
    }
    return matplotlib.rc_context({key: value for key, value in settings.items() if key in matplotlib.rcParams})


def page_svg(figure: Figure, *panels: Axes) -> Drawing:
    """A figure as inline SVG in the page's colours, with its files."""
    for axes in panels:
        seaborn.despine(ax=axes, left=True)
        axes.tick_params(length=0)
        axes.set_facecolor("none")
    figure.patch.set_visible(False)
    figure.set_layout_engine("constrained")
    return drawing(figure)
