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

    def stem(self, images: Tensor, infrared: Tensor, infrared_count: int | None = None) -> Tensor:
        """Pass each image through the stem of its modality: (B, C, H / 4, W / 4).

        Args:
            images: Images of both modalities (B, 3, H, W).
            infrared: Whether each is infrared (B,), bool.
            infrared_count: How many are. Without it they are counted, for which a GPU must be waited for.
        """
        count = int(infrared.sum()) if infrared_count is None else infrared_count
        order = infrared.int().argsort(stable=True)  # The visible images first.
        parts = images[order].split([len(images) - count, count])
        low = torch.cat([stem(part) for stem, part in zip(self.stems, parts, strict=True) if len(part)])
        return low[order.argsort()]

    def forward(self, images: Tensor, infrared: Tensor, infrared_count: int | None = None) -> Tensor:
        """Stems, then the shared stages. Their BN sees both modalities together. See ``stem`` for the arguments."""
        features: Tensor = self.shared(self.stem(images, infrared, infrared_count))
        return features


def infrared_images(priors: Mapping[str, Tensor], method: str) -> Tensor:
    """Whether each image is infrared, (B,) bool. Raises BadInput, naming the ``method``, if the prior is missing."""
    if "infrared" not in priors:
        raise BadInput(
            f"{method}: each image goes through the stem of its modality, but which images are infrared was not given; "
            "use a dataset of visible and infrared images"
        )
    return priors["infrared"]
