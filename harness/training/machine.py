"""What a run is computed on."""

from __future__ import annotations

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
        """The device of that name, made deterministic."""
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = False
        return cls(torch.device(device), bfloat16, compiled)

    def place(self, model: ReIDModel) -> ReIDModel:
        """The model on the device, channels last in memory, which convolutions are faster in."""
        return model.to(self.device).to(memory_format=torch.channels_last)

    def autocast(self) -> torch.autocast:
        """Mixed precision where it helps."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)
