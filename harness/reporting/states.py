"""The states of a cell on a page. Each has a mark of its own, so that none depends on colour alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from harness.reporting.wording import DASH


@dataclass(frozen=True)
class State:
    """One state: its ``mark``, and its ``meaning`` in a sentence."""

    mark: str
    meaning: str


STATES = {
    "reproduced": State("✓", "The difference from the paper lies within the tolerance, with the noise of the seeds."),
    "above": State("▲", "Higher than the paper, by more than tolerance and noise."),
    "below": State("▼", "Lower than the paper, by more than tolerance and noise."),
    "undecided": State("?", "Too few seeds, or too noisy, to tell."),
    "not comparable": State("≁", "Measured in another setting than the paper's; the reasons stand on the page."),
    "degenerate": State("∅", "The network learned nothing that tells people apart."),
    "failed": State("✗", "The run ended with an error; the page names it."),
    "damaged": State("!", "The record's file cannot be used; the page says why."),
    "not run": State(DASH, "Nothing was measured; the page has the command."),
}
"""Every state, those of measured cells first."""


def count_states(words: Iterable[str]) -> dict[str, int]:
    """How often each state occurs, in the order of ``STATES``; absent ones are left out."""
    counted = Counter(words)
    return {word: counted[word] for word in STATES if counted[word]}
