"""The BoT network: trunk, global average pooling, BNNeck, classifier (Sec. 3.5, Fig. 2b)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from harness.losses import CentreLoss, identity_loss
from harness.models.backbone import trunk_part
from harness.models.bnneck import BNNeck, bias_free_classifier
from harness.models.classifier import identity_classifier
from harness.models.reid import Batch, ReIDModel
from methods.bot.losses import CENTRE_WEIGHT, SMOOTHING, triplet_loss
from methods.bot.switches import BoTSwitches


@dataclass
class BoTFeatures:
    """Features for a training step: f_t (B, D), before the neck, and the identity logits (B, C)."""

    f_t: Tensor
    logits: Tensor


class BoT(ReIDModel):
    """The strong baseline, and the steps that lead to it."""

    def __init__(self, switches: BoTSwitches, identities: int, backbone: str) -> None:
        super().__init__()
        self.smoothing = SMOOTHING if switches.smoothing else 0.0
        self.trunk = trunk_part(backbone, 0, 4, switches.last_stride)
        width = self.trunk.channels
        self.neck = BNNeck(width) if switches.bnneck else nn.Identity()
        classifier = bias_free_classifier if switches.bnneck else identity_classifier
        self.classifier = classifier(width, identities)
        released = switches.variant == "released"
        self.centre_loss = CentreLoss(identities, width, released) if switches.centre else None

    def forward(self, batch: Batch) -> BoTFeatures:
        """f_t, and the logits of the feature after the neck."""
        f_t = self._pooled(batch.images)
        return BoTFeatures(f_t, self.classifier(self.neck(f_t)))

    def losses(self, features: BoTFeatures, batch: Batch) -> dict[str, Tensor]:
        """The terms of Eq. 8: ``id``, ``triplet`` and ``centre``."""
        losses = {
            "id": identity_loss([features.logits], batch.labels, self.smoothing),
            "triplet": triplet_loss(features.f_t, batch.labels),
        }
        if self.centre_loss is not None:
            losses["centre"] = CENTRE_WEIGHT * self.centre_loss(features.f_t, batch.labels)
        return losses

    def embed(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """``f_t`` (B, D) before the neck and ``f_i`` (B, D) after it."""
        f_t = self._pooled(images)
        return {"f_t": f_t, "f_i": self.neck(f_t)}

    def classifiers(self) -> Iterable[nn.Module]:
        """The one classifier."""
        return [self.classifier]

    def _pooled(self, images: Tensor) -> Tensor:
        pooled: Tensor = self.trunk(images).mean((2, 3))
        return pooled
