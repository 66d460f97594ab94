"""The index of all tables, and the command that writes it with the pages."""

import re
from pathlib import Path

import pytest

from harness import report as command_line
from harness.errors import BadInput
from harness.reporting.pages import write_report
from harness.results.store import Store
from harness.tables import tables
from tests.records import done_record, failed_record
from tests.reporting.inspected import keep_queries


def test_index_lists_all_tables_with_their_cells(tmp_path):
    records = [done_record("mpn_ablation", "MPN"), failed_record("mpn_ablation", "MT Only", "no memory")]
    index = write_report(records, tables(), tmp_path, tmp_path / "report")[-1].read_text(encoding="utf-8")
    for table_id in tables():
        assert f'href="{table_id}.html"' in index
    line = index[index.index('data-table="mpn_ablation"') :].split("</tr>")[0]
    assert 'aria-label="10 cells: 1 not comparable, 1 failed, 8 not run"' in line
    assert "not run: Market-1501, DukeMTMC-reID, CUHK03" in line
    assert '<td>1<span class="of">/10</span></td><td>1</td>' in line.replace("\n", "")


def test_index_says_which_methods_cannot_run_yet(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.registry.is_built", lambda method: method != "rmgl")
    index = write_report([], tables(), tmp_path, tmp_path / "report", only=["mpn_k"])[-1].read_text(encoding="utf-8")
    assert index.count("not built yet; figures are listed") == 1


def test_index_links_only_pages_that_exist(tmp_path):
    write_report([], tables(), tmp_path, tmp_path / "report", only=["mpn_k"])
    index = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert 'href="mpn_k.html"' in index
    assert 'href="mpn_ablation.html"' not in index


def test_command_line_reports_stored_records(tmp_path, capsys):
    record = done_record("mpn_ablation", "MPN")
    Store(tmp_path / "results").write_record(record)
    options = ["--results", str(tmp_path / "results"), "--report", str(tmp_path / "report")]
    assert command_line.main([*options, "--table", "mpn_ablation"]) == 0
    assert "1 records, 3 pages" in capsys.readouterr().out
    assert "41.2" in (tmp_path / "report" / "mpn_ablation.html").read_text(encoding="utf-8")


def test_pages_are_left_alone_where_there_are_no_results(tmp_path, capsys):
    page = tmp_path / "index.html"
    page.write_text("a good page")
    assert command_line.main(["--results", str(tmp_path / "nowhere"), "--report", str(tmp_path)]) == 2
    assert "nowhere is not a folder; run a table first" in capsys.readouterr().err
    assert page.read_text() == "a good page"


def test_unknown_table_offers_the_nearest_and_exits_with_2(tmp_path, capsys):
    assert command_line.main(["--results", str(tmp_path), "--report", str(tmp_path), "--table", "mpn_ablatoin"]) == 2
    assert "'mpn_ablation'" in capsys.readouterr().err


def test_report_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInput, match=r"file: pages cannot be written here .*--report"):
        write_report([], {}, tmp_path, Path(tmp_path / "file"))


def test_a_record_of_a_table_that_is_gone_has_its_place_and_the_reason(tmp_path):
    gone = done_record("mpn_ablation", "MPN") | {"table": "mpn_gone", "cell": "mpn_gone-MPN-synthetic"}
    Store(tmp_path / "results").write_record(gone)
    options = ["--results", str(tmp_path / "results"), "--report", str(tmp_path / "report")]
    assert command_line.main([*options, "--table", "mpn_k"]) == 0
    index = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "1 record without a place" in index
    assert "<code>mpn_gone-MPN-synthetic (demo, seed 0)</code>: there is no table mpn_gone" in index


def test_the_newest_results_and_their_tables_come_first(tmp_path):
    older, newer = done_record("mpn_k", "K = 6"), done_record("mdpr_beta", "0.1")
    newer["receipt"]["started"] = "2026-12-24T18:00:00+00:00"
    chosen = {name: tables()[name] for name in ("mpn_k", "mpn_priors", "mdpr_beta")}
    index = write_report([older, newer], chosen, tmp_path, tmp_path / "report")[-1].read_text(encoding="utf-8")
    newest = index[index.index('<ol class="newest">') :].split("</ol>")[0]
    assert newest.index("mdpr, Table X") < newest.index("mpn, Fig 7")
    assert "24 Dec 2026, 18:00" in newest
    assert index.index('<section aria-labelledby="mdpr"') < index.index('<section aria-labelledby="mpn"')
    assert "1 more table without a record" in index


def test_a_table_stands_once_among_the_newest_results_with_the_number_of_its_rows(tmp_path):
    rows = ("Baseline", "MT Only", "MPN")
    found = [done_record("mpn_ablation", row) for row in rows]
    found[1]["receipt"]["started"] = "2026-12-24T18:00:00+00:00"
    chosen = {"mpn_ablation": tables()["mpn_ablation"]}
    index = write_report(found, chosen, tmp_path, tmp_path / "report")[-1].read_text(encoding="utf-8")
    newest = index[index.index('<ol class="newest">') :].split("</ol>")[0]
    assert newest.count("<li>") == 1
    assert "mpn, Table 1: MT Only" in newest and "newest of 3 rows" in newest


def test_a_method_links_to_its_fullest_comparison_query_by_query(tmp_path):
    results = tmp_path / "results"
    studied = [done_record("mpn_ablation", row, profile="study") for row in ("Baseline", "MPN")]
    demo = [done_record("mpn_ablation", row) for row in ("Baseline", "MT Only", "MPN")]
    for record in [*studied, *demo]:
        keep_queries(results, record)
    chosen = {name: tables()[name] for name in ("mpn_ablation", "mdpr_beta")}
    written = write_report([*studied, *demo], chosen, results, tmp_path / "report")
    index = written[-1].read_text(encoding="utf-8")
    assert re.findall(r'<a href="([^"]*)"[^>]*>who gains\?</a>', index) == ["mpn_ablation.html#queries-synthetic-study"]
    assert 'id="queries-synthetic-study"' in written[0].read_text(encoding="utf-8")


def test_filters_offer_what_the_board_has(tmp_path):
    chosen = {name: tables()[name] for name in ("mpn_k", "mdpr_beta")}
    found = [done_record("mpn_k", "K = 6"), failed_record("mdpr_beta", "0.1", dataset="market1501", profile="budget")]
    index = write_report(found, chosen, tmp_path, tmp_path / "report")[-1].read_text(encoding="utf-8")
    offered = {
        name: re.findall(r"<option>([^<]*)</option>", options)
        for name, options in re.findall(r'<select name="(\w+)">(.*?)</select>', index, re.DOTALL)
    }
    assert offered["method"] == ["mdpr", "mpn"] and offered["profile"] == ["budget", "demo"]
    assert offered["state"] == ["not comparable", "failed", "not run"]
    assert "Synthetic pedestrians" in offered["dataset"] and "Market-1501" in offered["dataset"]
