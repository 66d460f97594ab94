"""The commands that pages show: each is one that the project takes, and the quick ones are carried out."""

from __future__ import annotations

import shlex

import pytest

from harness.commands.main import MODULES, perform
from harness.commands.options import parse, parse_data, parse_flags, parse_report
from harness.commands.request import Request
from harness.datasets import dataset
from harness.tables import tables
from tests.docs.pages import PAGES, ROOT, VERB, answers, commands

OF_THE_TEMPLATE = "my_reid"
"""Tables of the method that methods/README.md makes; tests/methods/test_guide.py follows it."""
SHOWN = {shlex.join(words): words for page in PAGES for words in commands(page)}
QUICK = {line: words for line, words in SHOWN.items() if {"list", "--list"} & {*words}}
PLANS = {line: words for line, words in SHOWN.items() if {"--dry-run", "mpn_ablation"} <= {*words}}
ANSWERS = {line: text for page in PAGES for line, text in answers(page).items()}


def request_of(words):
    """The request that a command line makes. A batch script and an image hand their arguments to the command."""
    if words[0] == "sbatch":
        return parse_flags(words[2:])
    if words[0].startswith("reid-tables"):
        return parse(words[1:])
    read = {"harness.run": parse_flags, "harness.data": parse_data, "harness.report": parse_report}
    return read[words[2]](words[3:])


def test_pages_show_commands():
    assert len(SHOWN) > 50
    images = {f"reid-tables:{path.name.removesuffix('.Dockerfile')}" for path in (ROOT / "docker").iterdir()}
    assert {words[0] for words in SHOWN.values()} == {"reid-tables", "python", "sbatch", *images}


@pytest.mark.parametrize("words", SHOWN.values(), ids=SHOWN)
def test_a_command_on_a_page_is_taken_and_names_what_there_is(words):
    request = request_of(words)
    if not isinstance(request, Request):
        return
    known = tables()
    named = [name for name in request.tables if name != "all" and not name.startswith(OF_THE_TEMPLATE)]
    assert not {*named} - {*known}
    rows = {row.name for name in named for row in known[name].rows}
    assert not {*request.rows} - rows
    if request.dataset:
        dataset(request.dataset)


def test_every_verb_that_a_page_names_is_one():
    named = {verb for page in PAGES for verb in VERB.findall((ROOT / page).read_text(encoding="utf-8"))}
    assert named and named <= {verb.split()[0] for verb in MODULES}


@pytest.mark.parametrize("words", QUICK.values(), ids=QUICK)
def test_a_quick_command_on_a_page_ends_well(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert perform(lambda: request_of(words)) == 0
    printed = capsys.readouterr().out
    assert printed.strip() and ANSWERS.get(shlex.join(words), "") in printed


@pytest.mark.slow
@pytest.mark.parametrize("words", PLANS.values(), ids=PLANS)
def test_a_dry_run_on_a_page_ends_well(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert perform(lambda: request_of(words)) == 0
    assert "distinct runs" in capsys.readouterr().out
    assert not (tmp_path / "results").exists()


def test_a_page_shows_what_a_quick_command_prints():
    assert ANSWERS.keys() & QUICK.keys()
