"""From a feature map to a vector: embedding block, generalised mean pooling (Eq. 1), BN neck (Sec. III-A)."""

from __future__ import annotations

from torch import Tensor, nn

from harness.models.bnneck import BNNeck
from harness.models.pooling import GeM


class Embedding(nn.Sequential):
    """The embedding block: 1x1 convolution, BN, ReLU; (B, inputs, h, w) to (B, outputs, h, w)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Head(nn.Module):
    """One feature with modules of its own: embedding block, GeM, neck."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.embedding = Embedding(inputs, width)
        self.pool = GeM()
        self.neck = BNNeck(width)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(B, inputs, h, w) to the embedded map (B, M, h, w), which fusion reads, and the feature (B, M)."""
        embedded = self.embedding(features)
        return embedded, self.neck(self.pool(embedded))
