"""What the user can mend, said in one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class BadInput(Exception):
    """Input that cannot be used: the message names the file or option and the mend. Commands exit with 2."""


class TrainingFailed(Exception):
    """A run that cannot go on. ``kind`` is the typed cause that its record and table cell show."""

    kind = "error"


class NonFiniteLoss(TrainingFailed):
    """A loss became NaN or infinite."""

    kind = "NaN loss"


def unknown(what: str, name: str, known: Iterable[str]) -> BadInput:
    """The error for an unknown ``what`` called ``name``, offering the nearest of the ``known`` names."""
    names = list(known)
    lowered = {candidate.lower(): candidate for candidate in names}
    near = [lowered[match] for match in get_close_matches(name.lower(), lowered, n=3, cutoff=0.4)]
    if near:
        return BadInput(f"unknown {what} {name!r}; the nearest known: {', '.join(map(repr, near))}")
    return BadInput(f"unknown {what} {name!r}; known: {', '.join(map(repr, names))}")
