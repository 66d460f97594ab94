"""Tables of datasets: published counts beside what is on disk, or beside the embedded datasets in a demo."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import pytest

from harness import run as command_line
from harness.datasets.base import Passport
from harness.execution.counts import count_datasets
from harness.plan.selection import choose
from harness.plan.shelf import Shelf
from harness.reporting.counts import count_table
from harness.results.store import Store
from harness.tables import tables

TABLE = "pgfl_kd_datasets"


@pytest.fixture(autouse=True)
def only_the_methods_of_the_table(leave_methods):
    leave_methods("ide", "pcb", "pgfl_kd")


def run_table(tmp_path, *options):
    where = ["--results", str(tmp_path / "results"), "--report", str(tmp_path / "report"), "--device", "cpu"]
    return command_line.main(["--table", TABLE, *where, *options])


def page_rows(tmp_path):
    """The page's table as text, a list of cells by the name of its row."""
    page = (tmp_path / "report" / f"{TABLE}.html").read_text(encoding="utf-8")
    body = page.split("<tbody>")[1].split("</tbody>")[0]
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", body, re.DOTALL)
    cells = [re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL) for row in rows]
    texts = [[" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in row] for row in cells]
    return {name: found for name, *found in texts}


def test_published_counts_stand_beside_those_found_and_dashes_where_nothing_is(market_root, tmp_path):
    assert run_table(tmp_path, "--data-root", str(market_root)) == 0
    rows = page_rows(tmp_path)
    market = next(found for name, found in rows.items() if name.startswith("Market-1501 [53]"))
    # Train, gallery and query: identities and images, published then found. The fixture has 8 and 6 people.
    assert market[:4] == ["751", "8 −743", "12,936", "32 −12,904"]
    assert market[4:8] == ["750", "6 −744", "19,732", "24 −19,708"]
    duke = rows["DukeMTMC-reID [31]"]
    assert duke[::2] == ["702", "16,522", "1,110", "17,661", "702", "2,228"] and set(duke[1::2]) == {"–"}
    assert rows["Partial-iLIDS [8]"][:2] == ["–", "–"]
    assert not any("in a demo" in name for name in rows)


def test_a_count_as_published_has_no_difference_beside_it(tmp_path):
    counts = {"train_ids": 751, "train_images": 12_936, "gallery_images": 15_913, "test_folder_images": 19_732}
    found = {"market1501": {"dataset": "market1501", "variant": "official", "counts": counts}}
    row = count_table(tables()[TABLE], found).rows[0]
    by_heading = dict(zip(count_table(tables()[TABLE], found).headings, row.counts, strict=True))
    assert row.variant == "official"
    # The paper counts the junk images of Market-1501's test folder; the harness does not rank them.
    assert (by_heading["gallery images"].found, by_heading["gallery images"].difference) == ("19,732", "")
    assert (by_heading["query ids"].published, by_heading["query ids"].found) == ("750", "–")


def test_a_demo_counts_the_embedded_datasets_and_says_what_they_stand_in_for(tmp_path):
    class Drawn:
        def dataset(self, dataset_id, seed):
            counts = {"train_images": 1000, "gallery_ids": 100}
            return SimpleNamespace(passport=Passport(dataset_id, "seed 2", "f" * 64, counts))

    said = []
    table, store = tables()[TABLE], Store(tmp_path)
    demo = choose(table, table.rows, None, "demo", Shelf(tmp_path), planning=False)
    count_datasets([demo], Drawn(), store, SimpleNamespace(say=said.append))
    assert said[0] == "synthetic counted: seed 2" and len(said) == 3
    stand_ins = {row.name: row for row in count_table(table, store.counts()[0]).stand_ins}
    (occluded,) = [row for name, row in stand_ins.items() if "for Occluded-Duke and Occluded-REID" in name]
    assert [count.found for count in occluded.counts][:3] == ["–", "1,000", "100"]
    assert len(stand_ins) == 3 and {count.published for count in occluded.counts} == {"–"}


def test_only_tables_of_datasets_are_counted_and_only_they_look_so():
    counting = [table.id for table in tables().values() if table.prints_counts]
    assert counting == [TABLE]
    assert count_table(tables()["pgfl_kd_ablation"], {}) is None


def test_damaged_counts_are_named_on_the_page_with_the_fix_and_the_others_are_shown(market_root, tmp_path):
    folder = tmp_path / "results" / "datasets"
    folder.mkdir(parents=True)
    (folder / "synthetic.json").write_text("{")
    assert run_table(tmp_path, "--data-root", str(market_root)) == 0
    index = (tmp_path / "report" / "index.html").read_text()
    assert re.search(r"datasets/synthetic\.json.*damaged.*run the table of datasets again", index)
    assert (folder / "market1501.json").exists()


def test_counts_are_kept_without_any_path(market_root, tmp_path):
    run_table(tmp_path, "--data-root", str(market_root))
    text = (tmp_path / "results" / "datasets" / "market1501.json").read_text()
    assert json.loads(text)["variant"].startswith("differs: ") and str(tmp_path) not in text
