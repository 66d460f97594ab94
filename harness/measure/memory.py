"""Peak memory of this process."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path

import torch

RESET_PEAK = "5"
"""Linux resets the peak resident size when this is written to ``clear_refs``."""


def reset_peak_memory(device: torch.device) -> None:
    """Reset the peak memory. On systems that cannot, it stays the peak of the whole process."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text(RESET_PEAK)


def peak_memory_mb(device: torch.device) -> float:
    """Peak memory since ``reset_peak_memory``, in MB (2^20 bytes).

    On a GPU: memory of tensors. On the CPU: resident memory, including Python and its libraries.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return _peak_resident_kb() / 2**10


def _peak_resident_kb() -> float:
    # Linux's getrusage starts at the size of the parent process; the kernel's VmHWM does not.
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**10 if sys.platform == "darwin" else peak  # macOS counts bytes
