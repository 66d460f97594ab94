"""Small drawings: every row of a column on one scale."""

import pytest

from harness.reporting.glyphs import Scale, glyph


def test_a_scale_holds_all_values_with_a_margin():
    scale = Scale.over([40.0, 60.0])
    assert 0 < scale.at(40.0) < scale.at(50.0) == 50 < scale.at(60.0) < 100


def test_a_single_value_stands_in_the_middle_of_a_point():
    scale = Scale.over([70.0])
    assert scale.at(70.0) == 50 and scale.high - scale.low > 1


@pytest.mark.parametrize("values", [[0.0, 0.4], [-3.0, 9.0], [0.0, 100.0]])
def test_ticks_are_few_and_lie_on_the_scale(values):
    scale = Scale.over(values)
    assert 1 <= len(scale.ticks) <= 6
    assert all(scale.low <= tick <= scale.high for tick in scale.ticks)


def test_seeds_are_dots_only_where_there_are_several():
    scale = Scale(0.0, 100.0)
    assert glyph(scale, 50.0, (40.0, 60.0), [50.0]).dots == ()
    drawn = glyph(scale, 50.0, (40.0, 60.0), [45.0, 55.0], paper=80.0, zero=True)
    assert (drawn.dots, drawn.interval, drawn.paper, drawn.zero) == ((45, 55), (40, 60), 80, 0)
