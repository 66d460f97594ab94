"""A progress bar for work whose length is known only after it begins."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.progress import Watch

SECONDS_BETWEEN_LINES = 10.0


def progress_bar(watch: Watch, what: str) -> Callable[[int, int], None]:
    """A function of (done, total) that shows a bar on a terminal, elsewhere a line every ten seconds."""
    last = 0.0

    def show(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if not last:
            watch.begin(what, total)
            last = now
        due = now - last > SECONDS_BETWEEN_LINES
        watch.advance(done, f"{what}: {done:,} of {total:,}" if due else "")
        last = now if due else last

    return show
