"""Networks without values: shapes and connections suffice to count parameters and operations."""

from __future__ import annotations

import copy
from collections.abc import Collection

import torch
from torch import Tensor

from harness.models.reid import ReIDModel


def meta_copy(model: ReIDModel) -> ReIDModel:
    """A copy of the network on the meta device, in eval mode, which computes shapes only. ``model`` does not change."""
    return copy.deepcopy(model).to("meta").eval()


def blank_images(batch: int, height: int, width: int, device: torch.device | str) -> Tensor:
    """Black images, channels last in memory, as in training.

    Args:
        batch: Number of images.
        height: Their height in pixels.
        width: Their width.
        device: Where they lie.

    Returns:
        Zeros (batch, 3, height, width).
    """
    images = torch.zeros(batch, 3, height, width, device=device)
    return images.contiguous(memory_format=torch.channels_last)


def blank_priors(batch: int, device: torch.device | str, kinds: Collection[str]) -> dict[str, Tensor]:
    """Priors of these ``kinds``, for networks that read priors at inference. They show no person.

    Every other image is infrared. ``infrared`` decides which layers see an image, so it keeps its values on the CPU,
    even on the meta device.
    """
    blank = {
        "parsing": torch.zeros(batch, 64, 32, dtype=torch.int64, device=device),
        "segmentation": torch.zeros(batch, 64, 32, dtype=torch.bool, device=device),
        "keypoints": torch.zeros(batch, 17, 3, device=device),
        "infrared": torch.arange(batch) % 2 == 1,
    }
    return {kind: blank[kind] for kind in kinds}
