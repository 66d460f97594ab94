"""``--dry-run`` on one screen: one line per table, each reason once."""

from __future__ import annotations

import pytest

from harness.commands import dry_run
from harness.plan import summary
from harness.run import main

TABLES = ("--table", "toy_table", "--table", "toy_failures", "--device", "cpu")


@pytest.fixture
def dry(toy_alone, tmp_path, capsys, monkeypatch):
    """What a dry run of the toy prints, line by line."""
    monkeypatch.setattr("harness.plan.forecast.REFERENCE", tmp_path / "reference")
    monkeypatch.setattr("harness.plan.forecast.planned_operations", lambda runs: {run.id: 1000 for run in runs})

    def printed(*arguments):
        folders = ("--results", str(tmp_path / "results"), "--data-root", str(tmp_path / "data"))
        (tmp_path / "data").mkdir(exist_ok=True)
        assert main([*TABLES, "--dry-run", *folders, *arguments]) == 0
        return capsys.readouterr().out.splitlines()

    return printed


def test_each_table_is_a_line_and_each_reason_is_told_once(dry):
    heading, table, failures, reason, *_ = dry("--profile", "paper")
    assert heading.split()[:4] == ["method", "table", "profile", "cells"]
    assert table.split() == ["toy", "toy_table", "paper", "4", "1", "·", "·", "·", "3", "?", "a"]
    assert failures.split() == ["toy", "toy_failures", "paper", "3", "·", "·", "·", "·", "3", "?", "a"]
    assert reason.startswith("a: 6 blocked: Market-1501 is not under")
    assert not any("toy_table-Narrow" in line for line in dry("--profile", "paper"))


def test_a_run_counts_for_the_first_table_that_needs_it(dry, market_root):
    _, table, failures, *_ = dry("--profile", "demo", "--dataset", "market1501", "--data-root", str(market_root))
    # Narrow and Wide; then the two rows that fail, while the row that works is Narrow's run.
    assert table.split()[3:8] == ["4", "1", "·", "2", "?"]
    assert failures.split()[3:8] == ["3", "·", "·", "2", "?"]


def test_the_long_list_names_every_cell(dry):
    said = dry("--profile", "paper", "--verbose")
    assert sum(line.startswith("    blocked  toy_") for line in said) == 6


def test_a_run_has_no_name_before_its_data_is_there(dry, market_root):
    named = "run (named once its data is there)"
    assert any(line.startswith(named) for line in dry("--profile", "demo", "--verbose"))
    read = dry("--profile", "demo", "--dataset", "market1501", "--data-root", str(market_root), "--verbose")
    assert not any(line.startswith(named) for line in read) and any(line.startswith("run ") for line in read)


def test_many_reasons_are_told_by_their_first_part_and_no_line_is_longer_than_the_screen(dry, monkeypatch):
    monkeypatch.setattr(summary, "TOLD_IN_FULL", 0)
    lines = dry("--profile", "paper")
    assert all(len(line) <= 120 for line in lines)
    told = " ".join(" ".join(lines).split())
    assert "a: 6 blocked, Market-1501 is not under" in told and "(--verbose says what to do)" in told
    assert "Get Market-1501" not in told


def test_choices_for_many_tables_are_one_line(dry, monkeypatch):
    assert dry()[0].startswith("toy_table: none of its datasets")
    monkeypatch.setattr(dry_run, "TOLD_IN_FULL", 1)
    assert dry()[0] == "datasets and profiles of 2 tables are chosen by what is here; --verbose tells which"
    assert dry("--verbose")[0].startswith("toy_table: none of its datasets")


def test_marks_go_on_after_z():
    assert [summary._mark(index) for index in (0, 25, 26, 51, 52)] == ["a", "z", "aa", "az", "ba"]
