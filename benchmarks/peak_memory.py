"""How much memory a piece of work takes beyond what was held before it, on Linux."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

PROCESS = Path("/proc/self")


def peak_memory(work: Callable[[], object]) -> float | None:
    """Gigabytes that ``work`` held at its peak, beyond what the process held when it began; None where Linux's
    ``/proc`` does not say."""
    try:
        (PROCESS / "clear_refs").write_text("5")  # the peak begins anew
    except OSError:
        return None
    before = _gigabytes("VmRSS")
    work()
    return _gigabytes("VmHWM") - before


def _gigabytes(field: str) -> float:
    line = re.search(rf"{field}:\s+(\d+) kB", (PROCESS / "status").read_text())
    assert line is not None
    return int(line[1]) * 1024 / 1e9
