"""The mechanism curve of a method: two rows along a dial of the embedded data."""

from dataclasses import replace

import pytest

from harness.datasets import DATASETS
from harness.reporting import write_report
from harness.reporting.layout import lay_out
from harness.reporting.mechanism import is_mechanism, mechanism_curve
from harness.tables import Row, tables
from tests.records import done_record
from tests.reporting.test_pages import small_table

POSITIONS = [f"synthetic:misalignment={place}" for place in (0, 1, 2)]


@pytest.fixture
def table(monkeypatch):
    for name in POSITIONS:
        monkeypatch.setitem(DATASETS, name, replace(DATASETS["synthetic"], id=name))
    rows = tuple(Row(name, name, "", True, {}, {place: {} for place in POSITIONS}, "") for name in ("baseline", "full"))
    return replace(small_table(("a", "1.0")), id="mpn_mechanism", rows=rows)


def records(table):
    """Two seeds of the full row at every position, one seed of the baseline at the first two."""
    full = [
        done_record(table.id, "full", name, "demo", seed, {"map": 50.0 + 2 * seed})
        for name in POSITIONS
        for seed in (0, 1)
    ]
    return [*full, *(done_record(table.id, "baseline", name, "demo", 0, {"map": 40.0}) for name in POSITIONS[:2])]


def test_columns_along_one_dial_are_a_mechanism(table):
    assert is_mechanism(lay_out(table, []))
    assert not is_mechanism(lay_out(tables()["mpn_ablation"], []))


def test_each_point_has_its_mean_and_its_lowest_and_highest_seed(table):
    curve = mechanism_curve(lay_out(table, records(table)))
    assert (curve.title, curve.positions, curve.seeds) == (
        "mAP along misalignment, profile demo",
        ("0", "1", "2"),
        "1 to 2",
    )
    shown = dict(curve.rows)
    assert shown["full"] == ("51.0 (50.0–52.0)",) * 3
    assert shown["baseline"] == ("40.0 (40.0–40.0)", "40.0 (40.0–40.0)", "–")


def test_the_page_of_the_method_has_the_curve_once_something_is_measured(table, tmp_path):
    chosen = {table.id: table}
    for found, shown in (([], 0), (records(table), 1)):
        write_report(found, chosen, tmp_path, tmp_path / "report")
        page = (tmp_path / "report" / "method-mpn.html").read_text(encoding="utf-8")
        assert page.count("Mechanism: mAP along misalignment") == shown
    assert mechanism_curve(lay_out(table, [])) is None
