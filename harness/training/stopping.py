"""SIGTERM and Ctrl-C during training: the loop writes a checkpoint, then ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def watch_stop_signals() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether a signal asked this process to stop. A second Ctrl-C stops at once."""
    stop_requested = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop_requested.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop_requested.set()

    # Only the main thread may handle signals; in other threads they end the process, as by default.
    handled = (signal.SIGTERM, signal.SIGINT) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, handle) for number in handled}
    try:
        yield stop_requested.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
