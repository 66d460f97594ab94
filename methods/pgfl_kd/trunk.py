"""A trunk whose last stage exists twice, as Table 8's printed costs have it (README.md)."""

from __future__ import annotations

from torch import Tensor, nn

from harness.models.backbone import trunk_part


class TwoLayer4Trunk(nn.Module):
    """A ResNet with a second ``layer4`` for the pose-guided branches. Both start from the same weights."""

    def __init__(self, backbone: str) -> None:
        super().__init__()
        self.lower = trunk_part(backbone, 0, 3)
        self.main = trunk_part(backbone, 4, 4)
        self.pose = trunk_part(backbone, 4, 4)
        self.channels = self.main.channels

    def forward(self, images: Tensor) -> Tensor:
        """F of the main branch: (B, 3, H, W) to (B, C, H / 16, W / 16)."""
        found: Tensor = self.main(self.lower(images))
        return found

    def both(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """F of the main branch and F of the pose-guided branches, each (B, C, H / 16, W / 16)."""
        lower = self.lower(images)
        return self.main(lower), self.pose(lower)
