"""Threads and cores: how many this process may use, and how its idle threads wait."""

from __future__ import annotations

import os

WAIT_POLICY = "OMP_WAIT_POLICY"
SLEEPING: dict[str, str] = {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "0"}
"""Settings of GNU's and of LLVM's OpenMP, one of which PyTorch computes with: an idle thread soon sleeps.

By default it spins for some milliseconds in the hope of more work. Where two processes share cores, the one's idle
threads then keep the other's from their work, and both become many times slower. A thread that sleeps at once costs a
process alone a quarter of its speed on small networks; a thousand turns, about a microsecond, cost neither. The figures
are the same bits.
"""


def let_idle_threads_sleep() -> None:
    """Let the threads of this process and of its children sleep when idle, unless the user chose otherwise.

    OpenMP reads the settings when PyTorch is imported, so call this before.
    """
    for name, value in sleeping_threads().items():
        os.environ.setdefault(name, value)


def sleeping_threads() -> dict[str, str]:
    """The settings that let idle threads sleep; none where the user chose how they wait."""
    return {} if WAIT_POLICY in os.environ else SLEEPING


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
