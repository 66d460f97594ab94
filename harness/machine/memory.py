"""Memory that a computation gives back and soon takes again: what the system and PyTorch do to it meanwhile."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Options of glibc's ``mallopt``."""

KEPT, FROM_THE_HEAP = 2**31 - 1, 2**30
"""Bytes of freed memory that stay with the process, and the largest block of which that is true."""


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, where the system's library is glibc.

    Every training step frees its tensors and takes as many again. By default glibc hands blocks of megabytes back to
    the system, which fills each new page with zeros: a tenth of the time of a small network's step, a third of the
    input's. The process then stays as large as its largest moment.
    """
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        library.mallopt(M_TRIM_THRESHOLD, KEPT)
        library.mallopt(M_MMAP_THRESHOLD, FROM_THE_HEAP)


@contextmanager
def new_tensors(filled: bool) -> Iterator[None]:
    """In deterministic mode, let PyTorch fill each new tensor with NaN before anything is written to it, or not.

    Filled, code that reads what it never wrote gives NaN instead of a chance value. PyTorch does so by default, at a
    twentieth of the time of a small network's step. What is computed is the same bits.
    """
    # A property of the module, of which type checkers know nothing.
    settings: Any = torch.utils.deterministic
    before = settings.fill_uninitialized_memory
    settings.fill_uninitialized_memory = filled
    try:
        yield
    finally:
        settings.fill_uninitialized_memory = before
