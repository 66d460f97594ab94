"""The device and precision of a run."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from harness.models.reid import ReIDModel


@dataclass(frozen=True)
class Machine:
    """The device, whether the forward pass runs in bfloat16, and whether training uses torch.compile."""

    device: torch.device
    bfloat16: bool
    compiled: bool = False

    @classmethod
    def of(cls, device: str, bfloat16: bool, compiled: bool = False) -> Machine:
        """The device of that name, in deterministic mode, with plain float32 instead of TF32."""
        # cuBLAS is deterministic only with a fixed workspace, and reads this variable on first use.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = False
        return cls(torch.device(device), bfloat16, compiled)

    def place(self, model: ReIDModel) -> ReIDModel:
        """Move the model to the device, channels last in memory: convolutions are then faster."""
        return model.to(self.device).to(memory_format=torch.channels_last)

    def autocast(self) -> torch.autocast:
        """Autocast to bfloat16, if the machine uses it."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)
