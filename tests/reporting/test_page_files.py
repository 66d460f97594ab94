"""Files of pages: their version, and what only a watched page has."""

from harness.reporting.page_files import page_versions, settle_pages
from harness.reporting.pages import write_report
from harness.tables import tables
from tests.records import done_record

TABLE = {"mpn_k": tables()["mpn_k"]}


def pages(folder, records, live):
    """Write the report of one table and give the bytes of each page."""
    return {page.name: page.read_bytes() for page in write_report(records, TABLE, folder, folder / "report", live=live)}


def test_a_page_gets_another_version_when_it_changes_and_only_then(tmp_path):
    pages(tmp_path, [], live=True)
    before = page_versions(tmp_path / "report")
    pages(tmp_path, [], live=True)
    assert page_versions(tmp_path / "report") == before
    pages(tmp_path, [done_record("mpn_k", "K = 6")], live=True)
    after = page_versions(tmp_path / "report")
    assert before.keys() == after.keys() == {"mpn_k.html", "method-mpn.html", "index.html"}
    assert all(before[name] != after[name] for name in before)


def test_a_page_that_was_watched_is_in_the_end_as_if_it_never_was(tmp_path):
    watched = pages(tmp_path, [done_record("mpn_k", "K = 6")], live=True)
    assert all(b"live.js?" in text for text in watched.values())
    settle_pages(tmp_path / "report")
    settled = {page.name: page.read_bytes() for page in (tmp_path / "report").glob("*.html")}
    assert settled == pages(tmp_path, [done_record("mpn_k", "K = 6")], live=False)
    assert not any(b"live.js" in text for text in settled.values())
