"""Peak memory of this process."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import torch


def peak_memory_mb(device: torch.device) -> float:
    """The most memory used since the process began, in MB (2^20 bytes).

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
