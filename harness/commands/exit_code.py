"""The end of every command: its exit code, and one sentence if something is wrong."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.errors import BadInput


def exit_code_of(command: Callable[[], int], when_stopped: str) -> int:
    """Run a command and return its exit code.

    It is 2, after one sentence, for bad input and for a file that the system refuses. It is 130, after
    ``when_stopped``, for Ctrl-C and for SIGTERM, which shells, schedulers and containers send. It is 1 for a closed
    pipe.
    """
    _print_anything()
    try:
        with _stopped_by_sigterm():
            return command()
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(when_stopped, file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        # A file name means a user's file: a folder that may not be read, a path that is too long.
        if error.filename is None or error.strerror is None:
            raise
        print(f"error: {error.filename}: {error.strerror}; fix that and start again", file=sys.stderr)
        return 2


def _print_anything() -> None:
    """Replace characters that standard output cannot encode, such as the check mark in Latin-1, instead of failing."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """SIGTERM acts like Ctrl-C within this context. Only the main thread of a process may set that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
