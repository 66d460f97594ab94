"""The error that ended a process early, written beside its job for the process that started it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.errors import FailedElsewhere
from harness.files.atomic import write_json
from harness.runs.causes import failure_kind, failure_message, failure_trace


@dataclass(frozen=True)
class ErrorLeft:
    """Why a process ended: its typed cause (or ``stopped``, ``bad input``), and the ``time`` in seconds."""

    kind: str
    message: str
    trace: list[str]
    time: float

    def as_error(self) -> FailedElsewhere:
        """The error, to be raised in this process."""
        return FailedElsewhere(self.kind, self.message, self.trace)


@contextmanager
def leaving_first_error(job_file: Path, rank: int) -> Iterator[None]:
    """Write the error that ends this block beside the job, and raise it again."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        kind = "stopped" if isinstance(error, KeyboardInterrupt) else failure_kind(error)
        word = ErrorLeft(kind, failure_message(error), failure_trace(error), time.time())
        write_json(job_file.with_name(f"last-word-{rank}.json"), asdict(word))
        raise


def errors_left(job_file: Path) -> list[ErrorLeft]:
    """The errors that the processes of a job left, sorted by time: the earliest is usually the cause."""
    left = [json.loads(path.read_text(encoding="utf-8")) for path in job_file.parent.glob("last-word-*.json")]
    return sorted((ErrorLeft(**word) for word in left), key=lambda word: word.time)
