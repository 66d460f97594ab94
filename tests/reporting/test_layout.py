"""The order of the measured columns of a page."""

from harness.reporting.layout import lay_out
from harness.tables import tables
from tests.records import done_record

TABLE = tables()["mpn_ablation"]
HALF = ("Baseline", "Baseline (UB)", "MT Only", "FSA Alone", "MPN")


def shown(*records):
    return [(group.dataset, group.profile) for group in lay_out(TABLE, records).measured]


def on_embedded_data():
    return [done_record(TABLE.id, row) for row in HALF]


def test_a_column_of_few_rows_that_compare_with_nothing_stands_last():
    few = done_record(TABLE.id, "MPN", "market1501", "budget")
    assert shown(few, *on_embedded_data()) == [("synthetic", "demo"), ("market1501", "budget")]


def test_figures_that_compare_with_the_paper_keep_its_order():
    judged = done_record(TABLE.id, "MPN", "market1501", "paper", reasons=())
    assert shown(judged, *on_embedded_data()) == [("market1501", "paper"), ("synthetic", "demo")]
