"""Verdicts: planted differences and spreads get the word that their arithmetic gives."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.errors import BadInput
from harness.evaluation.verdicts import SINGLE_SEED_NOISE_POINTS, SLACK_POINTS, T_975, judge


def seeds(mean, spread):
    """Three figures of that mean and sample standard deviation."""
    return [mean - spread, mean, mean + spread]


@pytest.mark.parametrize(
    ("difference", "spread", "word"),
    [
        (+1.5, 0.3, "above"),
        (-1.5, 0.3, "below"),
        (+0.2, 0.6, "undecided"),
        (+0.2, 0.1, "reproduced"),
        (-0.2, 0.1, "reproduced"),
        (+1.0, 0.3, "undecided"),
        (+0.55, 0.0, "reproduced"),
        (+0.56, 0.0, "above"),
    ],
)
def test_planted_differences(difference, spread, word):
    assert judge(seeds(85.1 + difference, spread), 85.1, 1).word == word


def test_half_a_unit_of_the_last_printed_digit_widens_the_tolerance():
    assert judge([90.0, 90.0], 89, 0).word == "reproduced"  # tolerance 0.5 + 0.5
    assert judge([90.0, 90.0], 89.0, 1).word == "above"  # tolerance 0.5 + 0.05


def test_one_seed_is_judged_with_the_declared_noise():
    assert judge([85.1], 85.1, 1).word == "undecided"
    tolerance = SLACK_POINTS + 0.05 + SINGLE_SEED_NOISE_POINTS
    assert judge([85.1 + tolerance + 0.01], 85.1, 1).word == "above"
    assert judge([85.1 - tolerance - 0.01], 85.1, 1).word == "below"
    assert judge([85.1 + tolerance - 0.01], 85.1, 1).word == "undecided"


def test_the_arithmetic_shows_every_number():
    line = judge([86.3, 86.6, 86.9], 85.1, 1).arithmetic
    for number in (
        "86.60",
        "85.1",
        "+1.50",
        "4.303",
        "0.30",
        "3 seeds",
        "0.75",
        "0.5",
        "0.05",
        "0.55",
        "+0.75",
        "+2.25",
    ):
        assert number in line
    assert line.endswith("above")
    assert "declared, 1 seed" in judge([86.6], 85.1, 1).arithmetic


def test_reasons_make_it_not_comparable_and_are_joined():
    verdict = judge([85.1, 85.1], 85.1, 1, reasons=["profile demo", "from scratch"])
    assert (verdict.word, verdict.reason, verdict.arithmetic) == ("not comparable", "profile demo; from scratch", "")


def test_what_cannot_be_compared_says_why():
    assert judge([], 85.1, 1, reasons=["profile demo"]).word == "not run"
    assert judge([50.0], None, 1).reason == "the paper prints no figure here"
    with pytest.raises(BadInput, match="nan"):
        judge([float("nan")], 85.1, 1)


def test_the_quantiles_are_those_of_students_t():
    assert pytest.approx([stats.t.ppf(0.975, degrees) for degrees in range(1, len(T_975) + 1)], abs=6e-4) == list(T_975)


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), min_size=2, max_size=6), st.floats(0, 100))
def test_mirroring_all_figures_swaps_above_and_below(measured, published):
    mirrored = judge([100 - figure for figure in measured], 100 - published, 1).word
    swapped = {"above": "below", "below": "above"}
    word = judge(measured, published, 1).word
    assert mirrored == swapped.get(word, word)


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), min_size=2, max_size=6), st.floats(0, 100), st.floats(0, 5))
def test_more_slack_never_takes_back_a_reproduction(measured, published, extra):
    if judge(measured, published, 1).word == "reproduced":
        assert judge(measured, published, 1, slack=SLACK_POINTS + extra).word == "reproduced"
