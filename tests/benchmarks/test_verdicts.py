"""The reproduction check of a cell: what counts as a seed, and that no metric hides behind another."""

from dataclasses import replace

import pytest

from benchmarks import test_reproduction as checks
from harness.results.store import Store
from harness.tables import Figure, Paper, Row, Table
from tests.records import done_record, failed_record

ROW = Row("Wide", "Wide", "", True, {}, {"market1501": {"rank1": Figure("90.1"), "map": Figure("85.4")}}, "")
TABLE = Table("t", "mpn", "Table 1", "", "", (ROW,), Paper("", "", 2020))


def record(seed=0, rank1=90.1, map=85.4, epochs=60):
    figures = {"rank1": rank1, "map": map}
    return done_record("t", "Wide", "market1501", "paper", seed, figures, reasons=(), recipe={"epochs": epochs})


def check(*records, row=ROW):
    checks.test_reproduces(TABLE, row, "market1501", checks.Found(list(records)))


def row_that_prints(**figures):
    return replace(ROW, published={"market1501": {metric: Figure(figure) for metric, figure in figures.items()}})


def test_a_copy_of_a_record_is_no_second_seed(tmp_path):
    own, reference = Store(tmp_path), Store(tmp_path / "reference")
    for store in (own, reference):
        store.write_record(record(map=85.4))
    reference.write_record(record(seed=1, map=85.0))
    own.write_record(failed_record("t", "Wide", dataset="market1501", profile="paper", seed=2))
    found = checks.find_one_per_seed(reference.folder, own.folder, tmp_path / "absent")
    assert {each["seed"]: each["metrics"]["map"] for each in found.records} == {0: 85.4, 1: 85.0}
    with pytest.raises(pytest.skip.Exception, match=r"map undecided: .* \(declared, 1 seed\)"):
        check(*checks.find_one_per_seed(own.folder, own.folder).records)


def test_a_metric_that_is_undecided_does_not_hide_one_that_is_below():
    with pytest.raises(AssertionError, match=r"rank1 undecided: .*; map below: "):
        check(record(rank1=90.1, map=70.0))
    check(record(map=85.4), record(seed=1, map=85.4))


def test_costs_alone_reproduce_nothing_and_beside_accuracy_they_are_not_judged():
    with pytest.raises(pytest.skip.Exception, match="prints no accuracy for this cell, only params_m"):
        check(record(), record(seed=1), row=row_that_prints(params_m="1.0"))
    check(record(), record(seed=1), row=row_that_prints(map="85.4", params_m="1.0"))


def test_a_rank_that_is_not_listed_is_read_off_the_curve():
    check(record(rank1=50.0), record(seed=1, rank1=50.0), row=row_that_prints(rank3="65.0"))
    bare = [record(seed=seed, rank1=50.0) for seed in (0, 1)]
    for each in bare:
        del each["metrics"]["rank3"]
    check(*bare, row=row_that_prints(rank3="52.0"))


def test_seeds_of_different_recipes_are_not_averaged():
    with pytest.raises(pytest.skip.Exception, match="seeds of different recipes"):
        check(record(map=85.4), record(seed=1, map=85.4, epochs=30))


def test_a_damaged_record_is_said_where_its_table_has_no_other(tmp_path):
    (tmp_path / "records" / "t").mkdir(parents=True)
    (tmp_path / "records" / "t" / "r.json").write_text("{")
    found = checks.find_one_per_seed(tmp_path)
    with pytest.raises(pytest.skip.Exception, match=r"t/r\.json: damaged, not valid JSON .*; run: python -m"):
        checks.test_reproduces(TABLE, ROW, "market1501", found)


def test_a_row_is_not_checked_against_figures_that_are_another_rows():
    checked = {each.id for each in checks.CELLS}
    assert "mpn_ablation-Baseline (UB)-market1501" in checked
    assert "mpn_ablation-Baseline (UB)-cuhk03_detected" not in checked
