"""What a run is computed on."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from harness.models.reid import ReIDModel


@dataclass(frozen=True)
class Machine:
    """Device, whether the forward pass runs in bfloat16, and whether training goes through torch.compile."""

    device: torch.device
    bfloat16: bool
    compiled: bool = False

    @classmethod
    def of(cls, device: str, bfloat16: bool, compiled: bool = False) -> Machine:
        """The device of that name, made deterministic, where float32 is float32 and not TF32."""
        # cuBLAS is deterministic with a workspace of its own only, and reads of it when it is first used.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = False
        return cls(torch.device(device), bfloat16, compiled)

    def place(self, model: ReIDModel) -> ReIDModel:
        """The model on the device, channels last in memory, which convolutions are faster in."""
        return model.to(self.device).to(memory_format=torch.channels_last)

    def autocast(self) -> torch.autocast:
        """Mixed precision where it helps."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)
