"""A damaged record file stands in the cell that its name belongs to."""

from harness.reporting.damaged_cells import damaged_cells
from harness.results.reading import Damaged
from harness.results.store import Store
from harness.tables import table
from tests.records import cell, done_record
from tests.reporting.test_pages import body_cells, page_of, small_table, write_report

TABLE = table("mpn_ablation")


def damage(folder, record):
    """Cut a record's file in half."""
    path = Store(folder).write_record(record)
    path.write_text(path.read_text(encoding="utf-8")[:200], encoding="utf-8")
    return path


def test_the_cell_is_found_by_the_files_name(tmp_path):
    path = Store(tmp_path).record_path(cell("mpn_ablation", "MPN°", "market1501", "budget", 3))
    found = damaged_cells(TABLE, [Damaged(path, "cut off")])
    assert [(each.row, each.dataset, each.profile, each.seed) for each in found] == [
        ("MPN°", "market1501", "budget", 3)
    ]


def test_a_file_of_another_name_or_table_belongs_to_no_cell(tmp_path):
    other = Store(tmp_path).record_path(cell("mdpr_beta", "0"))
    copied = other.with_name("copy of a record.json")
    assert damaged_cells(TABLE, [Damaged(other, ""), Damaged(copied, "")]) == {}


def test_the_page_says_damaged_in_the_cell_and_why_in_its_receipt(tmp_path):
    damage(tmp_path / "results", done_record("mpn_ablation", "MPN", "market1501", "budget"))
    found = Store(tmp_path / "results").find_records()
    pages = write_report([], {TABLE.id: TABLE}, tmp_path / "results", tmp_path / "report", damaged=found.damaged)
    page = pages[0].read_text(encoding="utf-8")
    assert body_cells(page)[-1][1] == "! damaged 1 damaged file"
    receipt = page[page.index("Damaged record") :].split("</div>")[0]
    assert "not valid JSON" in receipt and "--row MPN --dataset market1501 --profile budget" in receipt
    assert "1 damaged, 9 not run" in pages[-1].read_text(encoding="utf-8")


def test_one_seed_is_said_beside_its_state(tmp_path):
    record = done_record("mpn_ablation", "a", "market1501", "paper", metrics={"map": 95.8}, reasons=())
    page = page_of(tmp_path, [record], small_table(("a", "95.8")))
    assert body_cells(page)[0][1] == "? undecided 1 seed"
    assert "never that it is reproduced" in page
