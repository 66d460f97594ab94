"""The AGW network (Fig. 8): non-local attention in the trunk, generalised mean pooling, BNNeck, classifier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from harness.losses import CentreLoss, batch_hard_triplet, identity_loss, pairwise_euclidean_distance
from harness.models.backbone import ResNet, resnet_part
from harness.models.bnneck import BNNeck, bias_free_classifier
from harness.models.pooling import GeM
from harness.models.reid import Batch, ReIDModel
from harness.models.two_streams import TwoStreamTrunk, infrared_images
from methods.agw.attention import NonLocal
from methods.agw.losses import CENTRE_WEIGHT, MARGIN, SMOOTHING, weighted_regularised_triplet
from methods.agw.switches import AGWSwitches

ATTENDED = {2: 2, 3: 3}
"""Residual stage -> number of its last blocks that a non-local block follows."""


@dataclass
class AGWFeatures:
    """Features for a training step: the pooled feature (B, D), and the logits (B, C) of the feature after the neck."""

    pooled: Tensor
    logits: Tensor


class AGW(ReIDModel):
    """BoT with attention, generalised pooling and a triplet loss without a margin."""

    trunk: ResNet | TwoStreamTrunk

    def __init__(self, switches: AGWSwitches, identities: int, backbone: str) -> None:
        super().__init__()
        self.switches = switches
        self.trunk = TwoStreamTrunk(backbone) if switches.visible_infrared else resnet_part(backbone, 0, 4)
        # Outside the trunk, so that the weights of any ResNet fit the trunk.
        self.attention = _attention(self._staged()) if switches.attention else nn.ModuleDict()
        self.pool = GeM() if switches.gem else nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.neck = BNNeck(self.trunk.channels)
        self.classifier = bias_free_classifier(self.trunk.channels, identities)
        if not switches.visible_infrared:
            self.centre_loss = CentreLoss(identities, self.trunk.channels, released=switches.variant == "released")

    def forward(self, batch: Batch) -> AGWFeatures:
        """Pooled features and logits of the batch. Raises BadInput if two stems need a modality that is not given."""
        pooled = self._pooled(batch.images, batch.priors, batch.infrared_count)
        return AGWFeatures(pooled, self.classifier(self.neck(pooled)))

    def losses(self, features: AGWFeatures, batch: Batch) -> dict[str, Tensor]:
        """``id`` and ``triplet`` (L_wrt). With one modality, labels are smoothed and ``centre`` is added."""
        pooled, labels = features.pooled, batch.labels
        if self.switches.weighted_triplet:
            triplet = weighted_regularised_triplet(pooled, labels, self.switches.variant == "released")
        else:
            triplet = batch_hard_triplet(pairwise_euclidean_distance(pooled), labels, MARGIN)
        if self.switches.visible_infrared:
            return {"id": identity_loss([features.logits], labels), "triplet": triplet}
        return {
            "id": identity_loss([features.logits], labels, SMOOTHING),
            "triplet": triplet,
            "centre": CENTRE_WEIGHT * self.centre_loss(pooled, labels),
        }

    def embed(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """``feature`` (B, D) after the neck. Raises BadInput if two stems need a modality that is not given."""
        return {"feature": self.neck(self._pooled(images, priors or {}))}

    def classifiers(self) -> Iterable[nn.Module]:
        """The one classifier."""
        return [self.classifier]

    def _pooled(self, images: Tensor, priors: Mapping[str, Tensor], infrared_count: int | None = None) -> Tensor:
        features, staged = self._stem(images, priors, infrared_count), self._staged()
        for stage in staged.stages:
            for number, block in enumerate(_blocks(staged, stage)):
                features = block(features)
                if f"{stage}_{number}" in self.attention:
                    features = self.attention[f"{stage}_{number}"](features)
        pooled: Tensor = self.pool(features)
        return pooled

    def _stem(self, images: Tensor, priors: Mapping[str, Tensor], infrared_count: int | None) -> Tensor:
        """Features after the stem; with two stems, after the stem of each image's modality."""
        trunk = self.trunk
        if isinstance(trunk, TwoStreamTrunk):
            return trunk.stem(images, infrared_images(priors, "agw"), infrared_count)
        features: Tensor = trunk.maxpool(trunk.relu(trunk.bn1(trunk.conv1(images))))
        return features

    def _staged(self) -> ResNet:
        """The ResNet with the residual stages that all images go through."""
        return cast(ResNet, self.trunk.shared) if isinstance(self.trunk, TwoStreamTrunk) else self.trunk


def _blocks(trunk: ResNet, stage: int) -> nn.Sequential:
    return cast(nn.Sequential, getattr(trunk, f"layer{stage}"))


def _attention(trunk: ResNet) -> nn.ModuleDict:
    """``stage_block`` -> non-local block, for each place in ATTENDED. A smaller trunk has fewer places."""
    blocks = nn.ModuleDict()
    for stage, wanted in ATTENDED.items():
        count = len(_blocks(trunk, stage))
        for number in range(max(0, count - wanted), count):
            blocks[f"{stage}_{number}"] = NonLocal(trunk.stage_channels[stage - 1])
    return blocks
