"""The reproduction check of a cell: what counts as a seed, and that no metric hides behind another."""

import pytest

from benchmarks import test_reproduction as checks
from harness.results.store import Store
from harness.tables import Figure, Paper, Row, Table

ROW = Row("Wide", "Wide", "", True, {}, {"market1501": {"rank1": Figure("90.1"), "map": Figure("85.4")}}, "")
TABLE = Table("t", "mpn", "Table 1", "", "", (ROW,), Paper("", "", 2020))


def record(seed=0, rank1=90.1, epochs=60, **figures):
    return {
        **{"cell": "t-Wide-market1501", "table": "t", "row": "Wide", "method": "mpn", "dataset": "market1501"},
        **{"profile": "paper", "seed": seed, "status": "done", "cause": None, "run": f"run {seed}", "published": {}},
        "metrics": {"rank1": rank1, **figures},
        "verdict": {"word": "undecided", "reason": "", "reasons": []},
        "receipt": {
            **{"recipe": {"epochs": epochs}, "switches": {}, "initialisation": {"kind": "imagenet"}},
            "passport": {"fingerprint": "f"},
        },
    }


def check(*records):
    checks.test_reproduces(TABLE, ROW, "market1501", list(records))


def test_a_copy_of_a_record_is_no_second_seed(tmp_path):
    own, reference = Store(tmp_path), Store(tmp_path / "reference")
    for store in (own, reference):
        store.write_record(record(map=85.4))
    reference.write_record(record(seed=1, map=85.0))
    own.write_record({**record(seed=2), "status": "failed"})
    found = checks.one_per_seed(reference.folder, own.folder, tmp_path / "absent")
    assert {each["seed"]: each["metrics"]["map"] for each in found} == {0: 85.4, 1: 85.0}
    with pytest.raises(pytest.skip.Exception, match=r"map undecided: .* \(declared, 1 seed\)"):
        check(*checks.one_per_seed(own.folder, own.folder))


def test_a_metric_that_is_undecided_does_not_hide_one_that_is_below():
    with pytest.raises(AssertionError, match=r"rank1 undecided: .*; map below: "):
        check(record(rank1=90.1, map=70.0))
    check(record(map=85.4), record(seed=1, map=85.4))


def test_a_record_that_has_none_of_the_papers_metrics_reproduces_nothing():
    with pytest.raises(pytest.skip.Exception, match="rank5"):
        checks.test_reproduces(
            TABLE,
            Row("Wide", "Wide", "", True, {}, {"market1501": {"rank5": Figure("99.0")}}, ""),
            "market1501",
            [record(), record(seed=1)],
        )


def test_seeds_of_different_recipes_are_not_averaged():
    with pytest.raises(pytest.skip.Exception, match="seeds of different recipes"):
        check(record(map=85.4), record(seed=1, map=85.4, epochs=30))


def test_a_row_is_not_checked_against_figures_that_are_another_rows():
    checked = {each.id for each in checks.CELLS}
    assert "mpn_ablation-Baseline (UB)-market1501" in checked
    assert "mpn_ablation-Baseline (UB)-cuhk03_detected" not in checked
