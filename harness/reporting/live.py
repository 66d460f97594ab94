"""Pages that notice by themselves: ``live.js`` beside them says which version each has, and what is running.

An open page loads the file every two seconds. It shows what runs, and loads itself again when its version changed. The
file is a script, because a browser lets a page from disk read no other file. Nothing asks a network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from harness.files.atomic import write_atomically

FILE = "live.js"


class LiveTraining(TypedDict):
    """A training under way, as an open page shows it."""

    method: str
    dataset: str
    profile: str
    seed: int
    stage: str
    epoch: int
    epochs: int
    seconds_left: float | None


@dataclass(frozen=True)
class LiveState:
    """What is under way: trainings, cells by state, and the seconds left of all, None where that is unknown."""

    trainings: Sequence[LiveTraining]
    cells: Mapping[str, int]
    seconds_left: float | None


def write_live(report: Path, pages: Mapping[str, str], state: LiveState, now: float, ended: bool = False) -> None:
    """Write the file that open pages look into.

    Args:
        report: The folder of the pages.
        pages: The version of each page.
        state: What is under way.
        now: The time, in seconds.
        ended: Whether nobody writes the file any more.
    """
    news = {
        "pages": pages,
        "trainings": state.trainings,
        "cells": state.cells,
        "seconds_left": state.seconds_left,
        "written": round(1000 * now),
        "ended": ended,
    }
    text = f"reportIsLive({json.dumps(news, sort_keys=True)});\n"
    write_atomically(report / FILE, lambda file: file.write(text.encode()))
