"""The soft branch's attention: maps generated from content, and pooling under these maps (Sec. III-B)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.models.bnneck import BNNeck
from harness.models.pooling import GeM
from methods.mdpr.pooling import Embedding


class AttentionGeneration(nn.Module):
    """phi, Fig. 4: a 1x1 and a parallel 3x3 convolution, summed, BN, ReLU. It gives K maps and a background."""

    def __init__(self, channels: int, maps: int) -> None:
        super().__init__()
        self.pointwise = nn.Conv2d(channels, maps + 1, 1, bias=False)
        self.spatial = nn.Conv2d(channels, maps + 1, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(maps + 1)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) to raw attention (B, K + 1, h, w), 0 or more."""
        return torch.relu(self.norm(self.pointwise(features) + self.spatial(features)))


def shares(raw: Tensor) -> Tensor:
    """Raw attention (B, K + 1, h, w) as shares that sum to 1 at each position. The last map is the background."""
    return raw.float().softmax(1)


class GuidedAttention(nn.Module):
    """A4, generated from the features of res-conv4 and, with ``guidance``, from A5 (Fig. 5).

    As printed, the K maps of A5 are concatenated to the convolved features. As released, the raw K + 1 maps of A5 are
    convolved and concatenated to the features before their convolution.
    """

    def __init__(self, channels: int, maps: int, guidance: bool, released: bool) -> None:
        super().__init__()
        self.guidance, self.released = guidance, released
        guiding = (maps + 1 if released else maps) if guidance else 0
        self.generation = AttentionGeneration(channels + guiding, maps)
        if guidance and released:
            self.transfer = nn.Sequential(nn.Conv2d(maps + 1, maps + 1, 1, bias=False), nn.ReLU(inplace=True))

    def forward(self, plain: Tensor, convolved: Tensor, raw_fine: Tensor) -> Tensor:
        """Raw attention (B, K + 1, h, w) from C4 (B, C, h, w), its convolved form of the same shape, and the raw A5."""
        features = plain if self.released else convolved
        if self.guidance:
            guide = self.transfer(raw_fine) if self.released else shares(raw_fine)[:, :-1]
            features = torch.cat((features, guide.to(features.dtype)), 1)
        return self.generation(features)


class BilinearAttentionPooling(nn.Module):
    """BAP, Eq. 3-4: the features under a map are embedded and pooled; each map has its own modules.

    With ``shared_pool`` all maps share one GeM, as released.
    """

    def __init__(self, channels: int, width: int, maps: int, shared_pool: bool) -> None:
        super().__init__()
        pool = GeM()
        self.embeddings = nn.ModuleList(Embedding(channels, width) for _ in range(maps))
        self.pools = nn.ModuleList(pool if shared_pool else GeM() for _ in range(maps))
        self.neck = BNNeck(maps * width)

    def forward(self, features: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, h, w) under maps (B, K, h, w) to a vector per map (B, K, M), before BN, and the feature (B, K M)."""
        seen = [
            pool(embedding(features * each.unsqueeze(1).to(features.dtype)))
            for embedding, pool, each in zip(self.embeddings, self.pools, maps.unbind(1), strict=True)
        ]
        return torch.stack(seen, 1), self.neck(torch.cat(seen, 1))
