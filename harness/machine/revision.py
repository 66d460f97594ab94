"""The revision of the harness that runs."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import TypedDict

import harness

TIMEOUT_SECONDS = 30


class GitState(TypedDict):
    """Revision of the harness and whether its files differ from it; both None outside a git checkout."""

    revision: str | None
    dirty: bool | None


@cache
def git_state() -> GitState:
    """The state of the checkout when this process first asked."""
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return {"revision": _git("rev-parse", "HEAD"), "dirty": None if changes is None else bool(changes)}


def _git(*arguments: str) -> str | None:
    root = Path(harness.__file__).parents[1]
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
