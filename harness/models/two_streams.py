"""A trunk for visible and infrared images: one stem per modality, and shared stages."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from harness.errors import BadInput
from harness.models.backbone import trunk_part


class TwoStreamTrunk(nn.Module):
    """(B, 3, H, W) images of both modalities to (B, ``channels``, H / 16, W / 16) features (DDAG, Sec. 3.1)."""

    def __init__(self, backbone: str) -> None:
        super().__init__()
        self.stems = nn.ModuleList(trunk_part(backbone, 0, 0) for _ in ("visible", "infrared"))
        self.shared = trunk_part(backbone, 1, 4)
        self.channels = self.shared.channels

    def stem(self, images: Tensor, infrared: Tensor) -> Tensor:
        """Pass each image through the stem of its modality, given ``infrared`` (B,) bool: (B, C, H / 4, W / 4)."""
        rows = [flags.nonzero()[:, 0] for flags in (~infrared, infrared)]
        low = torch.cat([stem(images[chosen]) for stem, chosen in zip(self.stems, rows, strict=True) if len(chosen)])
        return low[torch.cat(rows).argsort()]

    def forward(self, images: Tensor, infrared: Tensor) -> Tensor:
        """Stems, then the shared stages. Their BN sees both modalities together."""
        features: Tensor = self.shared(self.stem(images, infrared))
        return features


def infrared_images(priors: Mapping[str, Tensor], method: str) -> Tensor:
    """Whether each image is infrared, (B,) bool. Raises BadInput, naming the ``method``, if the prior is missing."""
    if "infrared" not in priors:
        raise BadInput(
            f"{method}: each image goes through the stem of its modality, but which images are infrared was not given; "
            "use a dataset of visible and infrared images"
        )
    return priors["infrared"]
