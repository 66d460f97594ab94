"""Brings arrays and constants to the device without waiting for it."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor


def sent(values: NDArray[Any], device: torch.device) -> Tensor:
    """The array on the device. A GPU may still copy it when this returns."""
    tensor = torch.from_numpy(values)
    if device.type != "cuda":
        return tensor.to(device)
    # A copy from other than pinned memory waits until the GPU has done all its work.
    return tensor.pin_memory().to(device, non_blocking=True)


@cache
def constant(values: tuple[float, ...] | tuple[int, ...], device: torch.device) -> Tensor:
    """The numbers (N,) on the device, copied there once per process. Never change them in place."""
    # The first to ask may be an evaluation, and what inference mode makes cannot be used in training.
    with torch.inference_mode(False):
        return torch.tensor(values, device=device)
