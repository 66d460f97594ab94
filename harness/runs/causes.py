"""The typed cause of a failed run. Importing this needs no torch."""

from __future__ import annotations

import traceback

from harness.errors import BadInput, FailedElsewhere, TrainingFailed

WITHOUT_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")
"""Words of CUDA, of PyTorch's CPU allocators and of the system when memory runs out."""


def failure_kind(error: BaseException) -> str:
    """The typed cause of a failure."""
    if isinstance(error, TrainingFailed):
        return error.kind
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out of memory"
    if isinstance(error, RuntimeError) and any(words in str(error).lower() for words in WITHOUT_MEMORY):
        return "out of memory"
    if isinstance(error, BadInput):
        return "bad input"
    if isinstance(error, FileNotFoundError):
        return "missing data"
    return "error"


def failure_message(error: BaseException) -> str:
    """The error's message in one line. It is shortened, unless it tells the user what to fix."""
    if isinstance(error, BadInput):
        return str(error)
    return " ".join(str(error).split())[:500] or type(error).__name__


def failure_trace(error: BaseException) -> list[str]:
    """The lines of an error's traceback, also of an error in another process."""
    if isinstance(error, FailedElsewhere):
        return error.trace
    return "".join(traceback.format_exception(error)).splitlines()
