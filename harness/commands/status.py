"""The verb ``status``: cells by table and state, and trainings that run or were interrupted."""

from __future__ import annotations

import json
import sys

from rich.console import Console

from harness.commands.request import Request
from harness.results.store import existing
from harness.status.board import Board
from harness.status.views import as_json, as_tables, as_text


def execute(request: Request) -> int:
    """Print the state of the results folder. Returns 0."""
    store = existing(request.results)
    state = Board(store).read()
    if request.json:
        print(json.dumps(as_json(state), ensure_ascii=False, indent=1))
    elif not (state.tables or state.runs or state.damaged):
        print(f"no records in {store.folder}")
    elif sys.stdout.isatty():
        Console().print(as_tables(state))
    else:
        print("\n".join(as_text(state)))
    return 0
