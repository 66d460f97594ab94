"""A chart's three forms: the page's colours inline, and fixed colours in files that a paper takes."""

import re
import zlib

import pytest

from harness.reporting.charts import Bar, Line, cmc_chart, loss_chart, map_chart
from harness.reporting.drawing import ON_PAPER

CHARTS = {
    "map": lambda: map_chart([Bar("MPN", 80.0, 78.0, 82.0), Bar("Baseline", 60.0, 58.0, 62.0)]),
    "cmc": lambda: cmc_chart([Line(f"row {number}", [1, 2, 3], [40.0, 50.0, 60.0]) for number in range(9)]),
    "loss": lambda: loss_chart([("MPN", [Line("0", [1, 2], [3.0, 2.0])])]),
}


def painted(pdf):
    """Every colour that a PDF's pages set, as hexadecimal numbers."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    texts = []
    for stream in streams:
        try:
            texts.append(zlib.decompress(stream))
        except zlib.error:
            continue
    found = re.findall(rb"(?<![\d.])([\d.]+) ([\d.]+) ([\d.]+) (?:rg|RG)\b", b"\n".join(texts))
    return {"#" + "".join(f"{round(255 * float(part)):02x}" for part in colour) for colour in found}


@pytest.mark.parametrize("name", CHARTS)
def test_no_stand_in_colour_is_left_in_a_file(name):
    drawn = CHARTS[name]()
    assert drawn.pdf.startswith(b"%PDF") and painted(drawn.pdf)
    assert not painted(drawn.pdf) & set(ON_PAPER)
    assert not re.search("|".join(ON_PAPER), drawn.svg.decode())
    assert "var(--" not in drawn.svg.decode() and "currentColor" not in drawn.svg.decode()


def test_the_lines_of_a_file_differ_as_those_on_the_page_do():
    greys = {"#6d6d6d"}  # A PDF sets them by another operator.
    assert set(ON_PAPER.values()) - greys <= painted(CHARTS["cmc"]().pdf)


def test_the_same_chart_gives_the_same_bytes():
    one, other = CHARTS["cmc"](), CHARTS["cmc"]()
    assert (one, one.svg, one.pdf) == (other, other.svg, other.pdf)


def test_a_template_prints_the_inline_form():
    drawn = CHARTS["map"]()
    assert drawn.__html__().startswith("<svg viewBox") and "http" not in drawn
    assert drawn.svg.startswith(b"<?xml")
