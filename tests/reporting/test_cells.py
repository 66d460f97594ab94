"""A dataset with ten splits: ten records form one cell, their mean is its figure, and the verdict judges the mean."""

import math
from dataclasses import replace
from statistics import fmean, stdev
from types import SimpleNamespace

import pytest

from benchmarks import test_reproduction as checks
from harness.cell import Cell
from harness.datasets import dataset
from harness.evaluation.verdicts import SINGLE_SEED_NOISE_POINTS, judge, split_reasons
from harness.plan.plan import PlannedCell
from harness.reporting.cells import Group, measured_cell
from harness.reporting.headline import headline
from harness.reporting.layout import lay_out
from harness.reporting.orderings import orderings
from harness.reporting.pages import write_report
from harness.results.stored import StoredArrays
from harness.runs import comparability
from harness.tables import Claim, table
from tests.records import done_record, passport
from tests.reporting.test_pages import body_cells, keep_arrays

TABLE = table("ddag_regdb")
ROW = TABLE.row("DDAG (Ours)")
DIRECTION = "regdb_visible_to_infrared"
GROUP = Group(DIRECTION, "paper", ("rank1", "map"))
PUBLISHED = {"rank1": 69.34, "rank10": 86.19, "rank20": 91.49, "map": 63.46}


def record(seed, shift=0.0, reasons=(), epochs=80):
    """A split's record; splits lie 2 points apart and their mean is the published figure plus ``shift``."""
    spread = (seed % 10 - 4.5) * 2
    figures = {metric: figure + shift + spread for metric, figure in PUBLISHED.items()}
    return done_record(
        *(TABLE.id, ROW.key, DIRECTION, "paper", seed, figures, reasons),
        recipe={"epochs": epochs},
        passport=passport(DIRECTION, f"of split {seed % 10}"),
    )


def cell_of(seeds, shift=0.0, reasons=()):
    return measured_cell(TABLE, ROW, GROUP, [record(seed, shift, reasons) for seed in seeds])


def test_ten_splits_are_one_cell_with_their_mean_and_spread():
    found = cell_of(range(10)).figures["map"]
    assert found.mean == pytest.approx(PUBLISHED["map"])
    assert found.spread == pytest.approx(stdev(2 * split for split in range(10)))
    assert found.interval is None


@pytest.mark.parametrize(("shift", "word"), [(0.0, "reproduced"), (0.5, "undecided"), (1.5, "above"), (-1.5, "below")])
def test_the_mean_of_all_splits_is_judged_whatever_lies_between_splits(shift, word):
    found = cell_of(range(10), shift)
    assert found.word == word
    assert "sqrt(10 of 10 splits)" in found.figures["map"].verdict.arithmetic


def test_fewer_splits_are_not_comparable_and_say_how_many_there_are():
    found = cell_of([0, 1, 2])
    assert found.word == "not comparable"
    assert found.reasons == ("3 of 10 splits measured, and the paper prints their mean",)


def test_seeds_of_the_same_split_do_not_stand_for_others():
    assert cell_of(range(0, 100, 10)).reasons == ("1 of 10 splits measured, and the paper prints their mean",)
    assert cell_of(range(20)).word == "reproduced"


def test_a_split_that_is_trained_on_twice_counts_once():
    # Seeds 0 and 10 are of split 1; its second training lies 10 points above the first.
    records = [record(seed) for seed in range(10)] + [record(10, shift=10.0)]
    found = measured_cell(TABLE, ROW, GROUP, records).figures["map"]
    assert found.mean == pytest.approx(PUBLISHED["map"] + 0.5)
    assert (len(found.values), found.counted, found.verdict.word) == (10, "10 splits", "undecided")
    assert fmean(each["metrics"]["map"] for each in records) - PUBLISHED["map"] == pytest.approx(1 / 11)
    with pytest.raises(pytest.skip.Exception, match=r"map undecided: .* = \+0\.50; noise .*10 of 10 splits"):
        checks.test_reproduces(TABLE, ROW, DIRECTION, checks.Found(records))


def test_splits_of_different_recipes_are_no_seeds_of_one():
    records = [record(seed, epochs=81 if seed == 3 else 80) for seed in range(10)]
    assert "seeds of different recipes" in measured_cell(TABLE, ROW, GROUP, records).reasons


def test_other_reasons_stay():
    reasons = ("budget profile, not the paper's recipe",)
    assert cell_of(range(10), reasons=reasons).reasons == reasons


def test_datasets_of_one_split_are_judged_by_the_spread_of_their_seeds():
    assert split_reasons({1}, 1) == []
    figures = [84.0, 85.0, 86.0]
    assert "3 seeds" in judge(figures, 85.0, 1).arithmetic
    noise = SINGLE_SEED_NOISE_POINTS / math.sqrt(3)
    assert f"= {noise:.2f}" in judge(figures, 85.0, 1, splits=3).arithmetic
    assert fmean(figures) == 85.0


def test_the_record_of_one_split_is_not_set_against_the_mean_and_does_not_burden_the_cell(monkeypatch):
    monkeypatch.setattr(comparability, "reasons", lambda evaluated: [])
    planned = PlannedCell(Cell(TABLE.id, ROW.key, DIRECTION, "paper", 3), TABLE, ROW, dataset(DIRECTION))
    trained = SimpleNamespace(manifest={})
    own = SimpleNamespace(planned=planned, trained=trained, evaluation={"metrics": {"rank1": 69.3, "map": 63.5}})
    found = comparability.verdict(own)
    assert found["word"] == "not comparable"
    assert found["reason"] == "1 of 10 splits measured, and the paper prints their mean"
    assert found["reasons"] == []


def test_the_page_shows_mean_spread_and_splits(tmp_path):
    records = [
        done_record(TABLE.id, ROW.key, DIRECTION, "paper", seed, record(seed)["metrics"], reasons=())
        for seed in range(10)
    ]
    (page,) = write_report(records, {TABLE.id: TABLE}, tmp_path / "results", tmp_path / "report", False)[:1]
    text = page.read_text(encoding="utf-8")
    assert "10 of 10 splits, each a training of its own" in text
    shown = " ".join(body_cells(text)[-1])
    assert "10 splits" in shown and "69.34 ± 6.06 69.34 0.00" in shown


def test_rows_of_more_and_fewer_splits_are_told_apart():
    rows = tuple(replace(ROW, name=name, key=name) for name in "ab")
    seeds = {"a": [0, 10], "b": [0, 1, 2]}
    records = [done_record(TABLE.id, row, DIRECTION, "paper", seed) for row in seeds for seed in seeds[row]]
    (sentence,) = headline(lay_out(replace(TABLE, rows=rows), records))
    assert "2 of 2 rows; 1 to 3 of 10 splits, each a training of its own" in sentence


def ordering_of(seeds_of_better, seeds_of_worse, folder):
    """The outcome of a claim between two rows with records of these seeds; one row is better on every query."""
    rows = tuple(replace(ROW, name=name, key=name) for name in "ab")
    claim = Claim(TABLE.id, "a", "b", "map", "a beats b", "Sec. 4")
    records = []
    for name, seeds, better in (("a", seeds_of_better, 15), ("b", seeds_of_worse, 0)):
        for seed in seeds:
            records.append(done_record(TABLE.id, name, DIRECTION, "paper", seed))
            keep_arrays(folder, records[-1], better=better)
    layout = lay_out(replace(TABLE, rows=rows, claims=(claim,)), records)
    (found,) = orderings(layout, layout.measured[0], StoredArrays(folder))
    return found


def test_an_ordering_is_checked_within_one_split(tmp_path):
    # Seeds 0 and 10 both train on split 1.
    found = ordering_of([0, 10], [0, 10], tmp_path)
    assert (found.checked.word, found.checked.seeds) == ("holds", (2, 2))


@pytest.mark.parametrize(("better", "worse"), [([0, 1], [0, 1]), ([0], [1])])
def test_queries_of_one_split_are_not_paired_with_those_of_another(better, worse, tmp_path):
    found = ordering_of(better, worse, tmp_path)
    assert found.checked is None
    assert found.remark == "the records are of 2 splits, each with its own queries"
