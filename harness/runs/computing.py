"""How a run uses the processor: its threads, and the memory of its new tensors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from harness.machine.memory import keep_freed_memory, new_tensors
from harness.plan.plan import Run
from harness.recipe import Profile

SINGLE_THREADED: frozenset[Profile] = frozenset({"demo", "study"})
"""Their networks are too small to be shared among threads: two cores train two runs in the time of one.

Their figures are then also the same bits with any number of cores: threads change the order of sums.
"""


@contextmanager
def computing(run: Run) -> Iterator[None]:
    """Compute a run: a small network with one thread, others with those that PyTorch has."""
    keep_freed_memory()
    available = torch.get_num_threads()
    if run.profile in SINGLE_THREADED:
        torch.set_num_threads(1)
    try:
        with new_tensors(filled=False):
            yield
    finally:
        torch.set_num_threads(available)
