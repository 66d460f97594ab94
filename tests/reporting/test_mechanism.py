"""The curve of a mechanism: mAP along a dial, and the claims on how a gain grows."""

from __future__ import annotations

import re
from dataclasses import replace

from harness.reporting.headline import headline
from harness.reporting.layout import lay_out
from harness.reporting.mechanism import mechanism_curves
from harness.reporting.orderings import orderings
from harness.results.stored import StoredArrays
from harness.tables import tables
from tests.records import done_record
from tests.reporting.test_pages import keep_arrays

TABLE = tables()["mpn_mechanism"]
POSITIONS = TABLE.columns


def records(rows, positions=POSITIONS, seeds=(0,)):
    return [done_record(TABLE.id, row, position, seed=seed) for row in rows for position in positions for seed in seeds]


def test_the_curve_has_a_line_per_row_and_the_dials_numbers_as_ticks():
    (curve,) = mechanism_curves(lay_out(TABLE, records(["Baseline", "MPN"])))
    assert curve.title == "mAP along misalignment, profile demo"
    assert all(text in curve.drawing for text in ("Baseline", "MPN", ">0<", ">0.5<", ">1<", ">2<"))


def test_several_seeds_have_a_range_and_one_has_none():
    for seeds, form in (((0,), r"\d+\.\d"), ((0, 1), r"\d+\.\d \(\d+\.\d–\d+\.\d\)")):
        (curve,) = mechanism_curves(lay_out(TABLE, records(["MPN"], seeds=seeds)))
        ((_, texts),) = curve.rows
        assert all(re.fullmatch(form, text) for text in texts)


def test_equal_groups_share_their_sentence_at_the_head_of_the_page():
    assert len(headline(lay_out(TABLE, records(["MPN"])))) == 1
    assert len(headline(lay_out(TABLE, [*records(["MPN"]), *records(["Baseline"], POSITIONS[:1])]))) == 2


def test_a_papers_own_table_has_none():
    table = tables()["mpn_ablation"]
    assert mechanism_curves(lay_out(table, [done_record(table.id, "MPN")])) == []


def test_each_dial_of_a_table_has_a_curve_of_its_own():
    table = tables()["rmgl_mechanism"]
    found = [done_record(table.id, table.rows[0].key, position) for position in table.columns]
    titles = [curve.title for curve in mechanism_curves(lay_out(table, found))]
    assert titles == ["mAP along misalignment, profile demo", "mAP along partial, profile demo"]


def checked(results, found, growing):
    """The claims that are checked where ``growing`` says that the gain is larger."""
    layout = lay_out(replace(TABLE, claims=(growing,)), found)
    group = next(group for group in layout.measured if group.dataset == growing.more_at)
    return orderings(layout, group, StoredArrays(results))


def test_a_gain_that_grows_along_the_dial_holds(tmp_path):
    growing = next(claim for claim in TABLE.claims if claim.more_at)
    found = records(["Baseline", "MPN"], (growing.than_at, growing.more_at))
    for record in found:
        gains = record["row"] == "MPN" and record["dataset"] == growing.more_at
        keep_arrays(tmp_path, record, better=15 if gains else 0)
    (ordering,) = checked(tmp_path, found, growing)
    assert ordering.word == "holds" and ordering.checked.difference > 0


def test_a_gain_with_one_position_measured_names_the_missing_one(tmp_path):
    growing = next(claim for claim in TABLE.claims if claim.more_at)
    (ordering,) = checked(tmp_path, records(["Baseline", "MPN"], (growing.more_at,)), growing)
    assert ordering.word == "not checked" and ordering.missing == (growing.than_at,)
