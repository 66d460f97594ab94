"""The soft branch's attention: maps made from content, and what is pooled under them (Sec. III-B)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.models.bnneck import BNNeck
from harness.models.pooling import GeM
from methods.mdpr.pooling import Embedding


class AttentionGeneration(nn.Module):
    """phi, Fig. 4: a 1x1 and a 3x3 convolution beside each other, summed, BN, ReLU; K maps and a background."""

    def __init__(self, channels: int, maps: int) -> None:
        super().__init__()
        self.pointwise = nn.Conv2d(channels, maps + 1, 1, bias=False)
        self.spatial = nn.Conv2d(channels, maps + 1, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(maps + 1)

    def forward(self, features: Tensor) -> Tensor:
        """Raw attention: (B, C, h, w) to (B, K + 1, h, w), 0 or more."""
        return torch.relu(self.norm(self.pointwise(features) + self.spatial(features)))


def shares(raw: Tensor) -> Tensor:
    """Raw attention (B, K + 1, h, w) as shares of each position, summing to 1; the last map is the background's."""
    return raw.float().softmax(1)


class GuidedAttention(nn.Module):
    """A4, made from the features of res-conv4 and, where ``guidance``, from A5 (Fig. 5).

    Printed: A5's K maps stand beside the convolved features. Released: the raw K + 1 maps of A5, convolved, stand
    beside the unconvolved ones.
    """

    def __init__(self, channels: int, maps: int, guidance: bool, released: bool) -> None:
        super().__init__()
        self.guidance, self.released = guidance, released
        guiding = (maps + 1 if released else maps) if guidance else 0
        self.generation = AttentionGeneration(channels + guiding, maps)
        if guidance and released:
            self.transfer = nn.Sequential(nn.Conv2d(maps + 1, maps + 1, 1, bias=False), nn.ReLU(inplace=True))

    def forward(self, plain: Tensor, convolved: Tensor, raw_fine: Tensor) -> Tensor:
        """Raw attention (B, K + 1, h, w) from C4 and its convolved form (B, C, h, w) and the raw A5."""
        features = plain if self.released else convolved
        if self.guidance:
            guide = self.transfer(raw_fine) if self.released else shares(raw_fine)[:, :-1]
            features = torch.cat((features, guide.to(features.dtype)), 1)
        return self.generation(features)


class BilinearAttentionPooling(nn.Module):
    """BAP, Eq. 3-4: the features under each map, embedded and pooled by modules of the map's own.

    ``shared_pool``: one GeM for all maps, as released.
    """

    def __init__(self, channels: int, width: int, maps: int, shared_pool: bool) -> None:
        super().__init__()
        pool = GeM()
        self.embeddings = nn.ModuleList(Embedding(channels, width) for _ in range(maps))
        self.pools = nn.ModuleList(pool if shared_pool else GeM() for _ in range(maps))
        self.neck = BNNeck(maps * width)

    def forward(self, features: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, h, w) under (B, K, h, w) to what each map sees (B, K, M), before BN, and the feature (B, K M)."""
        seen = [
            pool(embedding(features * each.unsqueeze(1).to(features.dtype)))
            for embedding, pool, each in zip(self.embeddings, self.pools, maps.unbind(1), strict=True)
        ]
        return torch.stack(seen, 1), self.neck(torch.cat(seen, 1))
