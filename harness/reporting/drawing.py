"""A drawn chart in three forms: inline for its page, and SVG and PDF files for a paper.

A chart is drawn in stand-in colours. Its page replaces them by its own, so that dark mode and print change the chart
too; the files get the colours below, on white.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.artist import Artist
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure

INK, FAINT = "#010203", "#040506"
SERIES = tuple(f"#0708{number:02x}" for number in range(8))
"""Colours that no chart uses: each is replaced when the chart is written."""

ON_PAGES = {INK: "currentColor", FAINT: "var(--rule)"} | {
    stand_in: f"var(--series-{number})" for number, stand_in in enumerate(SERIES)
}
ON_PAPER = {INK: "#1d1f22", FAINT: "#d9d5ca"} | dict(
    zip(
        SERIES,
        ("#0067a5", "#c9570d", "#00835f", "#a8508f", "#8f6d00", "#3f8fc9", "#6b4f9e", "#6d6d6d"),
        strict=True,
    )
)
"""The page's colours by day (``style.css``)."""
POINTS_A_REM = 12
COLOURS = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")
"""Properties of matplotlib's artists that hold colours."""


class Drawing(Markup):
    """A chart inline, as its page takes it, with the files ``svg`` and ``pdf``."""

    svg: bytes
    pdf: bytes

    def __new__(cls, inline: str, svg: bytes = b"", pdf: bytes = b"") -> Drawing:
        """A chart and its files."""
        made = super().__new__(cls, inline)
        made.svg, made.pdf = svg, pdf
        return made


def drawing(figure: Figure) -> Drawing:
    """Write a figure that is drawn in stand-in colours. The same figure gives the same bytes."""
    svg = _written(figure, "svg").decode()
    inline = _inline(svg)
    for stand_in, colour in ON_PAPER.items():
        svg = svg.replace(stand_in, colour)
    # A PDF holds colours as numbers, so the figure itself must change.
    for artist in figure.findobj(include_self=True):
        _recolour(artist)
    with matplotlib.rc_context({"pdf.fonttype": 42}):
        return Drawing(inline, svg.encode(), _written(figure, "pdf"))


def _written(figure: Figure, form: str) -> bytes:
    nothing = {"svg": ("Date", "Creator", "Format", "Type"), "pdf": ("CreationDate", "Creator", "Producer")}
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, metadata=dict.fromkeys(nothing[form]))
    return buffer.getvalue()


def _recolour(artist: Artist) -> None:
    for name, value in _colours(artist):
        known = [_on_paper(colour) for colour in value]
        if known != value:
            getattr(artist, f"set_{name}")(known[0] if len(known) == 1 else known)


def _colours(artist: Artist) -> Iterator[tuple[str, list[Any]]]:
    """Each colour property of an artist, as a list: a collection has several."""
    for name in COLOURS:
        if hasattr(artist, f"get_{name}") and hasattr(artist, f"set_{name}"):
            value = getattr(artist, f"get_{name}")()
            if isinstance(value, np.ndarray):
                yield name, [tuple(row) for row in np.atleast_2d(value).tolist()] if value.size else []
            else:
                yield name, [value]


def _on_paper(colour: Any) -> Any:
    """The colour for paper, with the opacity that the stand-in has."""
    if colour is None or (isinstance(colour, str) and colour in ("none", "auto")):
        return colour
    paper = ON_PAPER.get(to_hex(colour))
    if paper is None:
        return colour
    return to_rgba(paper, to_rgba(colour)[3])


def _inline(svg: str) -> str:
    """The SVG without prolog, namespaces, fixed size, group ids and fonts, in the page's colours."""
    svg = svg[svg.index("<svg") :]
    opening = re.search(r'<svg [^>]*?viewBox="0 0 ([\d.]+) ([\d.]+)"[^>]*>', svg)
    assert opening, "matplotlib begins every SVG with its viewBox"
    width, height = opening.groups()
    rem = float(width) / POINTS_A_REM
    svg = (
        f'<svg viewBox="0 0 {width} {height}" style="--natural: {rem:.1f}rem" aria-hidden="true">{svg[opening.end() :]}'
    )
    svg = re.sub(r'<g id="[^"]+"', "<g", svg)
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r" font-family: [^;\"]+;", "", svg)
    for stand_in, colour in ON_PAGES.items():
        svg = svg.replace(stand_in, colour)
    return svg
