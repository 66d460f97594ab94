"""How many threads a run computes with on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from harness.plan.plan import Run
from harness.recipe import Profile

SINGLE_THREADED: frozenset[Profile] = frozenset({"demo", "study"})
"""Their networks are too small to be shared among threads: two cores train two runs in the time of one.

Their figures are then also the same bits with any number of cores: threads change the order of sums.
"""


@contextmanager
def threads_of(run: Run) -> Iterator[None]:
    """Compute with the threads of a run: one for a small network, else those that PyTorch has."""
    available = torch.get_num_threads()
    if run.profile in SINGLE_THREADED:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(available)
