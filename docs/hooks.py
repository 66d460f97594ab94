"""Parts of the site that are made when it is built: the options of every verb, and the figures of a method."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout

import figures

from harness.commands.main import MODULES
from harness.commands.options import parse
from harness.results.record import DoneRecord

HELP = "<!-- help of every verb -->"
FIGURES = re.compile(r"<!-- figures of (\w+) -->")
EVIDENCE: dict[str, Callable[[Sequence[DoneRecord]], str]] = {
    "<!-- claims of study by table -->": figures.claims_summary,
    "<!-- every claim of study -->": figures.claims_in_full,
    "<!-- figures on real images -->": figures.real_images,
}
"""Marks of docs/evidence.md, and what makes the table that takes their place."""
WIDTH = "84"


def on_page_markdown(markdown: str, **_: object) -> str:
    """The page with its marks replaced."""
    if HELP in markdown:
        markdown = markdown.replace(HELP, _help_of_every_verb())
    for mark, table in EVIDENCE.items():
        if mark in markdown:
            markdown = markdown.replace(mark, table(figures.reference_records()))
    return FIGURES.sub(lambda mark: figures.method_tables(mark[1], figures.reference_records()), markdown)


def _help_of_every_verb() -> str:
    # argparse reads the width of its text there.
    os.environ["COLUMNS"] = WIDTH
    verbs = [verb for verb in MODULES if verb != "dry-run"]
    return "\n".join(f"## {verb}\n\n```text\n{_help(verb.split())}```\n" for verb in verbs)


def _help(verb: Sequence[str]) -> str:
    with redirect_stdout(io.StringIO()) as printed:
        try:
            parse([*verb, "--help"])
        except SystemExit:
            return printed.getvalue()
    raise AssertionError(f"{' '.join(verb)} --help does not end")
