"""The trunk: shared lower stages, and res-conv4 and res-conv5 per branch (Sec. III, Framework Overview)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from harness.models.backbone import ResNet, Trunk, trunk_part

COMMON = "common"


class TwoBranchTrunk(nn.Module):
    """(B, 3, H, W) to C4 and C5 of each branch, both (B, ., H / 16, W / 16).

    With ``independent`` each branch has its own lower stages as well. ``padded_pool=False`` is the max-pooling of the
    authors' code: it starts at the image's corner, without padding. A trunk that is no ResNet has no such layer.
    """

    def __init__(self, backbone: str, branches: Sequence[str], independent: bool, padded_pool: bool) -> None:
        super().__init__()
        self.lower = nn.ModuleDict(
            {name: trunk_part(backbone, 0, 2) for name in (branches if independent else (COMMON,))}
        )
        for stem in self.lower.values():
            if isinstance(stem, ResNet) and not padded_pool:
                stem.maxpool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.fourth = nn.ModuleDict({name: trunk_part(backbone, 3, 3) for name in branches})
        self.fifth = nn.ModuleDict({name: trunk_part(backbone, 4, 4) for name in branches})
        self.coarse_channels, self.channels = (
            cast(Trunk, stages[branches[0]]).channels for stages in (self.fourth, self.fifth)
        )

    def forward(self, images: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """Branch -> C4 (B, C, h, w) and C5 (B, 2 C, h, w)."""
        lower = {name: stages(images) for name, stages in self.lower.items()}
        found = {}
        for name in self.fourth:
            c4 = self.fourth[name](lower[name] if name in lower else lower[COMMON])
            found[name] = c4, self.fifth[name](c4)
        return found
