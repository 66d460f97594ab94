"""The curve of a mechanism: mAP along a dial, and the claims on how a gain grows."""

from __future__ import annotations

from dataclasses import replace

from harness.reporting.layout import lay_out
from harness.reporting.mechanism import mechanism_charts
from harness.tables import tables
from tests.records import done_record
from tests.reporting.test_pages import keep_arrays, page_of

TABLE = tables()["mpn_mechanism"]
POSITIONS = TABLE.columns


def records(rows, positions=POSITIONS, seeds=(0,)):
    return [done_record(TABLE.id, row, position, seed=seed) for row in rows for position in positions for seed in seeds]


def test_the_curve_has_a_line_per_row_and_the_dials_numbers_as_ticks():
    (chart,) = mechanism_charts(lay_out(TABLE, records(["Baseline", "MPN"])))
    assert chart.title == "mAP against misalignment, demo"
    assert all(text in chart.drawing for text in ("Baseline", "MPN", ">0<", ">1<", ">2<"))


def test_one_position_makes_no_curve_and_a_papers_own_table_has_none():
    assert mechanism_charts(lay_out(TABLE, records(["MPN"], POSITIONS[:1]))) == []
    table = tables()["mpn_ablation"]
    assert mechanism_charts(lay_out(table, [done_record(table.id, "MPN")])) == []


def test_each_dial_of_a_table_has_a_chart_of_its_own():
    table = tables()["rmgl_mechanism"]
    found = [done_record(table.id, table.rows[0].key, position) for position in table.columns]
    titles = [chart.title for chart in mechanism_charts(lay_out(table, found))]
    assert titles == ["mAP against misalignment, demo", "mAP against partial, demo"]


def test_a_gain_that_grows_along_the_dial_holds_on_the_page(tmp_path):
    growing = next(claim for claim in TABLE.claims if claim.more_at)
    found = records(["Baseline", "MPN"], (growing.than_at, growing.more_at))
    for record in found:
        gains = record["row"] == "MPN" and record["dataset"] == growing.more_at
        keep_arrays(tmp_path / "results", record, better=15 if gains else 0)
    page = page_of(tmp_path, found, replace(TABLE, claims=(growing,)))
    assert page.count('<b aria-hidden="true">✓</b> holds') == 1


def test_a_gain_with_one_position_measured_names_the_missing_one(tmp_path):
    growing = next(claim for claim in TABLE.claims if claim.more_at)
    found = records(["Baseline", "MPN"], (growing.more_at,))
    page = page_of(tmp_path, found, replace(TABLE, claims=(growing,)))
    assert f"not measured: {growing.than_at}" in page
