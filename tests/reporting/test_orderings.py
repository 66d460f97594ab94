"""Claims as a forest: the difference on our records beside the paper's own."""

from dataclasses import replace

import pytest

from harness.evaluation.claims import CheckedClaim
from harness.reporting.cells import Group
from harness.reporting.layout import lay_out
from harness.reporting.orderings import Ordering, forest, orderings, paper_difference
from harness.results.stored import StoredArrays
from harness.tables import Claim
from tests.records import done_record
from tests.reporting.test_pages import keep_arrays, page_of, small_table

CLAIM = Claim("mpn_ablation", "a", "b", "map", "a beats b", "Sec. 5")
TABLE = small_table(("a", "90.0"), ("b", "80.55"), claims=(CLAIM,))


def test_the_papers_difference_is_that_of_the_dataset_or_of_the_papers_first():
    own = paper_difference(TABLE, CLAIM, Group("market1501", "paper", ("map",)))
    other = paper_difference(TABLE, CLAIM, Group("synthetic", "demo", ("map",)))
    assert own == other
    assert (own.points, own.decimals, own.dataset) == (pytest.approx(9.45), 2, "Market-1501")


def test_no_difference_is_made_of_a_figure_that_the_paper_does_not_print():
    table = small_table(("a", "90.0"), ("b", ""), claims=(CLAIM,))
    assert paper_difference(table, CLAIM, Group("market1501", "paper", ("map",))) is None


def test_zero_and_all_intervals_lie_on_the_scale_of_a_forest():
    checked = [
        CheckedClaim("holds", "map", 3.0, (1.0, 5.0), (1, 1)),
        CheckedClaim("undecided", "map", 0, (-2, 2), (1, 1)),
    ]
    drawn = forest([Ordering(CLAIM, each) for each in checked] + [Ordering(CLAIM, missing=("b",))])
    assert len(drawn.glyphs) == 2
    assert drawn.glyphs[1].interval[0] < drawn.glyphs[0].zero < drawn.glyphs[0].interval[0] < 100
    assert forest([Ordering(CLAIM, missing=("b",))]) is None


def test_rows_are_compared_by_the_seeds_that_both_have(tmp_path):
    records = [done_record(TABLE.id, row, seed=seed) for row, seed in (("a", 0), ("a", 1), ("b", 0))]
    for record, better in zip(records, (0, 15, 0), strict=True):
        keep_arrays(tmp_path, record, better=better)

    def compared(chosen):
        layout = lay_out(TABLE, chosen)
        (found,) = orderings(layout, layout.measured[0], StoredArrays(tmp_path))
        return found.checked

    assert compared(records) == compared([records[0], records[2]])
    assert compared(records).difference != compared(records[1:]).difference
    assert compared(records[1:]).seeds == (1, 1)


def test_ranks_that_were_not_kept_are_said_without_a_path(tmp_path):
    layout = lay_out(TABLE, [done_record(TABLE.id, row) for row in "ab"])
    (found,) = orderings(layout, layout.measured[0], StoredArrays(tmp_path))
    assert (found.word, found.missing) == ("not checked", ())
    assert found.remark == "the ranks of the queries were not kept; run the cells again to check it"


def test_a_damaged_file_of_ranks_is_said_without_a_path_or_a_number_of_an_error(tmp_path):
    records = [done_record(TABLE.id, row) for row in "ab"]
    for record in records:
        keep_arrays(tmp_path / "results", record)
    (tmp_path / "results" / records[0]["evaluation"] / "scores.npz").write_bytes(b"PK\x03\x04 cut off")
    page = page_of(tmp_path, records, replace(TABLE, claims=(CLAIM,)))
    assert "1 ordering not checked: " in page
    assert str(tmp_path) not in page and "Errno" not in page
