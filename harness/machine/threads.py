"""Threads and cores: how many this process may use, and how its idle threads wait."""

from __future__ import annotations

import os

SLEEPING: dict[str, str] = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
"""Settings of GNU's and of LLVM's OpenMP, one of which PyTorch computes with: an idle thread sleeps.

By default it spins for some milliseconds in the hope of more work. Where two processes share cores, the one's idle
threads then keep the other's from their work, and both become many times slower. The figures are the same bits.
"""


def let_idle_threads_sleep() -> None:
    """Let the threads of this process and of its children sleep when idle, unless the user chose otherwise.

    OpenMP reads the settings when PyTorch is imported, so call this before.
    """
    for name, value in SLEEPING.items():
        os.environ.setdefault(name, value)


def cores() -> int:
    """Cores that this process may use: on a shared node, fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def shares_of_cores(processes: int) -> list[set[int]]:
    """The cores of this process divided among ``processes``, one share each; two have the same core if there are fewer.

    Empty sets where the system lets no process choose its cores.
    """
    if not hasattr(os, "sched_getaffinity"):
        return [set() for _ in range(processes)]
    own = sorted(os.sched_getaffinity(0))
    if processes >= len(own):
        return [{own[index % len(own)]} for index in range(processes)]
    return [set(own[len(own) * index // processes : len(own) * (index + 1) // processes]) for index in range(processes)]
