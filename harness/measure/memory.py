"""Peak memory of this process."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path

import torch

FORGET_PEAK = "5"
"""What Linux takes as: let the mark of the peak begin anew."""


def forget_peak(device: torch.device) -> None:
    """Let the peak begin anew, so that it is of what comes. Where a system cannot, it stays that of the process."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text(FORGET_PEAK)


def peak_memory_mb(device: torch.device) -> float:
    """The most memory used since ``forget_peak``, in MB (2^20 bytes).

    On a GPU what tensors took on it; on the CPU all that was resident, Python and its libraries included.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return _peak_resident_kb() / 2**10


def _peak_resident_kb() -> float:
    # Linux's getrusage starts at the size of the process that launched this one; the kernel's own mark does not.
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**10 if sys.platform == "darwin" else peak  # macOS counts bytes
