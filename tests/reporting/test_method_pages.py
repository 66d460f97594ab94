"""The page of a method: its paper, its claims over all tables, its cost beside the baselines, what was chosen."""

import re

import pytest

from harness.reporting.pages import write_report
from harness.tables import tables
from tests.records import done_record, failed_record
from tests.reporting.test_pages import keep_arrays


def page_of_method(folder, records, *chosen, method="mpn"):
    """The text of a method's page, written with these tables."""
    found = {name: tables()[name] for name in chosen}
    write_report(records, found, folder, folder / "report")
    return (folder / "report" / f"method-{method}.html").read_text(encoding="utf-8")


def test_it_begins_with_the_paper_in_a_paragraph_and_ends_with_what_was_chosen(tmp_path):
    page = page_of_method(tmp_path, [], "mpn_k")
    assert page.index("<em>main task</em>") < page.index("Tables</h2>") < page.index("Where we had to choose</h2>")
    assert "orientation of the 1x2 dilation" in page and "Errata</h2>" in page


@pytest.mark.slow
def test_claims_of_all_its_tables_are_checked(tmp_path):
    rows = {"mpn_ablation": ("MT Only", "Baseline"), "mpn_fsa": ("Class-wise", "Sample-wise (Eq. 9)")}
    records = [done_record(table, row) for table in rows for row in rows[table]]
    for number, record in enumerate(records):
        keep_arrays(tmp_path, record, better=0 if number % 2 else 15)
    page = page_of_method(tmp_path, records, *rows)
    assert page.count('<span class="word">holds</span>') == 2
    assert "2 of 2 checked claims hold with a demo recipe of minutes on two CPU cores, 1 seed per row." in page
    assert "8 orderings wait for rows that are not measured" in page
    assert re.search(r"12 orderings stated.*?</b> 2<span class=\"unseen\"> holds", page, re.DOTALL)


@pytest.mark.slow
def test_its_cost_stands_beside_the_baselines_measured_on_the_same_data(tmp_path):
    records = [
        done_record("mpn_ablation", "Baseline", "market1501", "budget"),
        done_record("mpn_ablation", "MPN", "market1501", "budget"),
        done_record("pcb_main", "PCB", "market1501", "budget"),
        done_record("pcb_main", "PCB", "synthetic"),
    ]
    page = page_of_method(tmp_path, records, "mpn_ablation", "pcb_main")
    costs = page[page.index("Cost beside the baselines") :].split("</section>")[0]
    # The full method, not its first row, and nothing on data that it was not measured on.
    assert re.findall(r"<small>([^<]*)</small></th>", costs) == ["MPN", "PCB"]
    assert "Synthetic" not in costs


def test_a_method_without_a_record_says_so(tmp_path):
    page = page_of_method(tmp_path, [], "mpn_ablation")
    assert "9 orderings stated; nothing is measured yet to check them on." in page
    assert "Cost beside" not in page and "Mechanism" not in page


def test_no_page_prints_a_path_of_the_machine_or_the_number_of_an_error(tmp_path):
    message = "[Errno 28] No space left on device: '/home/me/my data/x.jpg'"
    failed = failed_record("mpn_k", "K = 2", message)
    failed["cause"]["log_tail"] = ['  File "/opt/python/torch/serialization.py", line 9, in save']
    done = done_record("mpn_k", "K = 6", reasons=("initialisation: no rn50.pth in /root/.cache/torch/hub",))
    wanted = {"wanted": "imagenet", "reason": "rn50.pth is not in /root/.cache/torch/hub"}
    done["receipt"]["initialisation"] = {**done["receipt"]["initialisation"], **wanted}
    write_report([failed, done], {"mpn_k": tables()["mpn_k"]}, tmp_path, tmp_path / "report")
    for page in (tmp_path / "report").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"/home/|/opt/|/root/|Errno", text) and str(tmp_path) not in text, page.name
    assert "No space left on device: &#39;x.jpg&#39;" in (tmp_path / "report" / "mpn_k.html").read_text(
        encoding="utf-8"
    )
