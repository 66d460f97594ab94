"""Cores that this process may use."""

from __future__ import annotations

import os


def cores() -> int:
    """Cores that this process may use, which on a shared node are fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
