"""Peak memory of a function call, beyond the memory held before it, on Linux."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

PROCESS = Path("/proc/self")


def peak_memory(work: Callable[[], object]) -> float | None:
    """Peak memory of ``work`` in gigabytes, beyond the memory held before it; None without Linux's ``/proc``."""
    try:
        (PROCESS / "clear_refs").write_text("5")  # resets the peak
    except OSError:
        return None
    before = _gigabytes("VmRSS")
    work()
    return _gigabytes("VmHWM") - before


def _gigabytes(field: str) -> float:
    line = re.search(rf"{field}:\s+(\d+) kB", (PROCESS / "status").read_text())
    assert line is not None
    return int(line[1]) * 1024 / 1e9
