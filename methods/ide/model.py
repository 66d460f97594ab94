"""The IDE network: trunk, global average pooling, a 512-d bottleneck and a classifier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from harness.models.backbone import build_backbone
from harness.models.classifier import identity_classifier
from harness.models.reid import Batch, ReIDModel
from methods.ide.losses import classification_loss
from methods.ide.switches import IDESwitches

FEATURE_WIDTH = 512
LEAK = 0.1
DROPOUT = 0.5


class IDE(ReIDModel):
    """Trunk, GAP, FC to 512, BN. LeakyReLU and dropout follow for the classifier only."""

    def __init__(self, switches: IDESwitches, identities: int, backbone: str) -> None:
        super().__init__()
        self.trunk = build_backbone(backbone, switches.spatial_attention)
        reduction = nn.Linear(self.trunk.channels, FEATURE_WIDTH)
        nn.init.kaiming_normal_(reduction.weight, mode="fan_out")
        nn.init.zeros_(reduction.bias)
        self.bottleneck = nn.Sequential(reduction, nn.BatchNorm1d(FEATURE_WIDTH))
        self.activation = nn.Sequential(nn.LeakyReLU(LEAK), nn.Dropout(DROPOUT))
        self.classifier = identity_classifier(FEATURE_WIDTH, identities)

    def forward(self, batch: Batch) -> Tensor:
        """Identity logits (B, C)."""
        logits: Tensor = self.classifier(self.activation(self._feature(batch.images)))
        return logits

    def losses(self, features: Tensor, batch: Batch) -> dict[str, Tensor]:
        """``id``: cross-entropy of the logits."""
        return {"id": classification_loss(features, batch.labels)}

    def embed(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """``feature`` (B, 512): the bottleneck after its BN."""
        return {"feature": self._feature(images)}

    def classifiers(self) -> Iterable[nn.Module]:
        """The one classifier."""
        return [self.classifier]

    def _feature(self, images: Tensor) -> Tensor:
        feature: Tensor = self.bottleneck(self.trunk(images).mean((2, 3)))
        return feature
