"""What the user can mend, said in one sentence."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

DAMAGED_ARRAYS = (
    *(OSError, ValueError, KeyError, TypeError, EOFError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error),
)
"""What reading an npz file raises that is not one, or not whole, or lacks an array."""


class BadInput(Exception):
    """Input that cannot be used: the message names the file or option and the mend. Commands exit with 2."""


class Unwritable(BadInput):
    """A results folder that takes no more files, or none at all: no run can be kept, so none is begun."""


class TrainingFailed(Exception):
    """A run that cannot go on. ``kind`` is the typed cause that its record and table cell show."""

    kind = "error"


class NonFiniteLoss(TrainingFailed):
    """A loss became NaN or infinite."""

    kind = "NaN loss"


class NonFiniteFeatures(TrainingFailed):
    """Test features that float16 cannot hold, or that are no numbers."""

    kind = "NaN features"


class FailedElsewhere(TrainingFailed):
    """A run that failed in another process: the typed cause found there, and the last lines that it left."""

    def __init__(self, kind: str, message: str, trace: Sequence[str] = ()) -> None:
        # All three are its arguments, so that it can be pickled on its way from another machine.
        super().__init__(kind, message, trace)
        self.kind, self.message, self.trace = kind, message, list(trace)

    def __str__(self) -> str:
        return self.message


class Killed(FailedElsewhere):
    """A run whose process was killed by a signal. It may have done nothing wrong, so it can be tried again at once."""


def unknown_name_error(what: str, name: str, known: Iterable[str]) -> BadInput:
    """The error for an unknown ``what`` called ``name``, offering the nearest of the ``known`` names."""
    names = list(known)
    lowered = {candidate.lower(): candidate for candidate in names}
    near = [lowered[match] for match in get_close_matches(name.lower(), lowered, n=3, cutoff=0.4)]
    if near:
        return BadInput(f"unknown {what} {name!r}; the nearest known: {', '.join(map(repr, near))}")
    return BadInput(f"unknown {what} {name!r}; known: {', '.join(map(repr, names))}")
