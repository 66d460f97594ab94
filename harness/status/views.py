"""``--status`` as text, as JSON, and as the tables of a terminal, which also stand above a running command."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from harness.progress import duration
from harness.results.sentences import degeneracy_sentence
from harness.results.store import Store
from harness.status.board import CELL_STATES, Board, BoardState, TableState
from harness.status.trainings import TrainingProgress

LOOK_EVERY_SECONDS = 2.0
"""Seconds between looks at a results folder while a command works."""
STOPPED = "no process works on the pending cells: the same command resumes them; delete the folder plans to forget them"


def as_text(state: BoardState) -> Iterator[str]:
    """One line per table, one per run, one per damaged record file."""
    for table in state.tables:
        counts = ", ".join(f"{count} {state}" for state in CELL_STATES if (count := table.cells[state]))
        left = f"; {_left(table.seconds_left)} left" if _open(table) and table.seconds_left is not None else ""
        yield f"{table.table} on {table.dataset}, {table.profile}: {counts}{left}"
    for run in state.runs:
        what = f"{run.method} on {run.dataset}, {run.profile}, seed {run.seed}"
        yield f"run {run.run} ({what}) {_stage(run)} on {run.device}, {run.host}{_sign(run)}"
    yield from _damaged(state)
    if state.is_stopped:
        yield STOPPED


def as_json(state: BoardState) -> dict[str, Any]:
    """``{"tables": [...], "runs": [...], "damaged": [...]}``; times in seconds, null where unknown."""
    tables = [{**vars(table), "cells": dict(table.cells)} for table in state.tables]
    runs = [{**vars(run), "seconds_left": run.seconds_left} for run in state.runs]
    damaged = [{"file": str(each.path), "table": each.table, "reason": each.reason} for each in state.damaged]
    return {"tables": tables, "runs": runs, "damaged": damaged}


def as_tables(state: BoardState) -> Group:
    """A table of the cells, a table of the runs if there are any, and the damaged record files."""
    drawn = [_table_of_cells(state)]
    if state.runs:
        drawn.append(_table_of_runs(state))
    return Group(*drawn, *_damaged(state), *([STOPPED] if state.is_stopped else []))


def _table_of_cells(state: BoardState) -> Table:
    drawn = Table("table", "dataset", "profile", box=None)
    for heading in (*CELL_STATES, "time left"):
        drawn.add_column(heading, justify="right")
    for table in state.tables:
        counts = [str(table.cells[state] or "·") for state in CELL_STATES]
        left = _left(table.seconds_left) if _open(table) else ""
        drawn.add_row(table.table, table.dataset, table.profile, *counts, left)
    return drawn


def _table_of_runs(state: BoardState) -> Table:
    drawn = Table("run", "method", "dataset", "profile", "seed", box=None)
    for heading in ("epoch", "images/s", "time left"):
        drawn.add_column(heading, justify="right")
    for heading in ("", "device", "host"):
        drawn.add_column(heading)
    for run in state.runs:
        speed = f"{run.images_per_second:.0f}" if run.images_per_second else "?"
        left = _left(run.seconds_left) if run.stage == "training" else ""
        whose = (run.run, run.method, run.dataset, run.profile, str(run.seed))
        stage = f"{run.stage}, degenerate" if run.degenerate else run.stage
        drawn.add_row(*whose, f"{run.epoch}/{run.epochs}", speed, left, stage, run.device, run.host)
    return drawn


def _damaged(state: BoardState) -> Iterator[str]:
    """The number of damaged record files, and one line for each."""
    if state.damaged:
        yield f"{len(state.damaged)} damaged:"
        yield from (f"  {each.sentence}" for each in state.damaged)


def _open(table: TableState) -> bool:
    return bool(table.cells["running"] or table.cells["pending"])


def _stage(run: TrainingProgress) -> str:
    if run.stage == "evaluating":
        return "is evaluated"
    epochs = f"epoch {run.epoch}/{run.epochs}"
    if run.stage == "interrupted":
        return f"was interrupted: {epochs}"
    speed = f" at {run.images_per_second:.0f} images/s" if run.images_per_second else ""
    return f"is trained: {epochs}{speed}, {_left(run.seconds_left)} left,"


def _sign(run: TrainingProgress) -> str:
    return f"; degenerate: {degeneracy_sentence(run.degenerate)}" if run.degenerate else ""


def _left(seconds: float | None) -> str:
    return "unknown time" if seconds is None else duration(seconds)


class LiveTables:
    """The tables of a results folder, read anew at most every ``LOOK_EVERY_SECONDS`` seconds."""

    def __init__(self, store: Store) -> None:
        self.board = Board(store)
        self.looked = -math.inf
        self.drawn: RenderableType = ""

    def __call__(self) -> RenderableType:
        """What to draw now."""
        if time.monotonic() - self.looked >= LOOK_EVERY_SECONDS:
            self.drawn = as_tables(self.board.read())
            self.looked = time.monotonic()
        return self.drawn
