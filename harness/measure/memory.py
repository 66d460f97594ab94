"""Peak memory of this process."""

from __future__ import annotations

import resource
import sys

import torch


def peak_memory_mb(device: torch.device) -> float:
    """The most memory used since the process began, in MB (2^20 bytes).

    On a GPU what tensors took on it; on the CPU all that was resident, Python and its libraries included.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, Linux kilobytes.
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
