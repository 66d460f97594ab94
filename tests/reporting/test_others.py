"""Imported records on a table's page: apart, and marked until they were scored again."""

import re

import pytest

from harness.reporting.pages import write_report
from harness.results.imported import import_records, note_verification
from harness.results.store import Store
from harness.tables import tables
from tests.records import done_record


@pytest.fixture
def results(tmp_path):
    """A results folder with an imported one, ``lab``, and no records of its own."""
    theirs = Store(tmp_path / "theirs")
    record = done_record(metrics={"map": 73.21})
    theirs.write_record(record)
    folder = theirs.path(record["evaluation"])
    folder.mkdir(parents=True)
    for name in ("features", "scores"):
        (folder / f"{name}.npz").touch()
    import_records(theirs, Store(tmp_path / "results"), "lab")
    return tmp_path / "results"


def section(results):
    table = tables()["mpn_ablation"]
    (page, *_) = write_report([], {table.id: table}, results, results.parent / "pages")
    text = page.read_text(encoding="utf-8")
    assert text.count("73.2") == 1
    return re.search(r'<section aria-label="Figures of others">.*?</section>', text, re.DOTALL)[0]


def test_an_imported_figure_stands_in_a_section_of_its_own_as_not_run_here(results):
    shown = section(results)
    assert "73.2" in shown and ">lab</td>" in shown and "not run here<details>" in shown
    assert "reid-tables verify mpn_ablation-MPN-synthetic --results results/imported/lab" in shown


def test_a_record_that_was_scored_again_says_so(results):
    folder = Store(results / "imported" / "lab")
    (record,) = folder.records()
    note_verification(folder, record, agrees=True)
    assert ">scored again here</td>" in section(results)


def test_a_record_that_was_altered_is_named_and_shows_no_figure(results):
    (path,) = results.glob("imported/lab/records/*/*.json")
    path.write_text(path.read_text().replace("73.21", "93.21"))
    table = tables()["mpn_ablation"]
    (page, *_) = write_report([], {table.id: table}, results, results.parent / "pages")
    text = page.read_text(encoding="utf-8")
    assert "93.2" not in text
    assert f"Cannot be used: lab: {path.name}: changed since it was written" in text


def test_a_page_without_imported_records_has_no_such_section(tmp_path):
    table = tables()["mpn_ablation"]
    (page, *_) = write_report([], {table.id: table}, tmp_path, tmp_path / "pages")
    assert "Figures of others" not in page.read_text(encoding="utf-8")
