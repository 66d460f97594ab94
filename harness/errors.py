"""Errors that are shown to the user, each as one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class BadInput(Exception):
    """Input that cannot be used: the message names the file or option, and the fix. Commands exit with 2."""


class Unwritable(BadInput):
    """The results folder cannot be written. No run could be kept, so none is started."""


class TrainingFailed(Exception):
    """A run cannot go on. ``kind`` is the typed cause, shown by its record and table cell."""

    kind = "error"


class NonFiniteLoss(TrainingFailed):
    """A loss became NaN or infinite."""

    kind = "NaN loss"


class NonFiniteFeatures(TrainingFailed):
    """Test features are not numbers, or too large for float16."""

    kind = "NaN features"


class Collapsed(TrainingFailed):
    """The network tells nobody apart any more, and the user asked to end such runs."""

    kind = "degenerate"


class FailedElsewhere(TrainingFailed):
    """A run failed in another process: its typed cause, its message, and its last lines of output."""

    def __init__(self, kind: str, message: str, trace: Sequence[str] = ()) -> None:
        # All three are its arguments, so that it can be pickled and sent from another machine.
        super().__init__(kind, message, trace)
        self.kind, self.message, self.trace = kind, message, list(trace)

    def __str__(self) -> str:
        return self.message


class Killed(FailedElsewhere):
    """A signal killed the run's process. The run itself may be fine, so it can be tried again at once."""


def unknown_name_error(what: str, name: str, known: Iterable[str]) -> BadInput:
    """The error for an unknown ``what`` called ``name``, with the nearest ``known`` names."""
    names = list(known)
    lowered = {candidate.lower(): candidate for candidate in names}
    near = [lowered[match] for match in get_close_matches(name.lower(), lowered, n=3, cutoff=0.4)]
    if near:
        return BadInput(f"unknown {what} {name!r}; the nearest known: {', '.join(map(repr, near))}")
    return BadInput(f"unknown {what} {name!r}; known: {', '.join(map(repr, names))}")
