"""The network of my_reid: trunk, mean over positions, classifier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from harness.losses import identity_loss
from harness.models.backbone import build_backbone
from harness.models.classifier import identity_classifier
from harness.models.reid import Batch, ReIDModel

from .losses import triplet_loss
from .switches import MySwitches


@dataclass
class MyFeatures:
    """Features for a training step: the feature (B, D) and the identity logits (B, C)."""

    feature: Tensor
    logits: Tensor


class MyModel(ReIDModel):
    """The attribute ``trunk`` is required: published weights, or those of another run, are loaded into it."""

    def __init__(self, switches: MySwitches, identities: int, backbone: str) -> None:
        super().__init__()
        self.switches = switches
        self.trunk = build_backbone(backbone)
        self.classifier = identity_classifier(self.trunk.channels, identities)

    def forward(self, batch: Batch) -> MyFeatures:
        """Features and logits of a training batch."""
        feature = self._feature(batch.images)
        return MyFeatures(feature, self.classifier(feature))

    def losses(self, features: MyFeatures, batch: Batch) -> dict[str, Tensor]:
        """``id`` and, if it is on, ``triplet``. Their sum is minimised."""
        losses = {"id": identity_loss([features.logits], batch.labels)}
        if self.switches.triplet:
            losses["triplet"] = triplet_loss(features.feature, batch.labels)
        return losses

    def embed(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """``feature`` (B, D)."""
        return {"feature": self._feature(images)}

    def classifiers(self) -> Iterable[nn.Module]:
        """The identity classifier, which inference does not need."""
        return [self.classifier]

    def _feature(self, images: Tensor) -> Tensor:
        feature: Tensor = self.trunk(images).mean((2, 3))
        return feature
