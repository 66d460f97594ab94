"""The pyramid (Fig. 2): a branch for every run of neighbouring stripes, from one stripe to all six."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.losses import identity_loss
from harness.models.backbone import build_backbone
from harness.models.classifier import identity_classifier
from harness.models.reduction import Reduction
from harness.models.reid import Batch, ReIDModel
from harness.models.stripes import stripes
from methods.pyramid.losses import DynamicTraining, triplet_loss
from methods.pyramid.switches import PyramidSwitches

STRIPES = 6
BRANCHES = [(first, first + length) for length in range(1, STRIPES + 1) for first in range(STRIPES - length + 1)]
"""(first stripe, stripe after the last) of each of the 21 branches, fine to coarse."""
BRANCH_WIDTH = 128


@dataclass
class PyramidFeatures:
    """Features for a training step: the branches side by side (B, 21 x 128), and the logits (B, C) of each."""

    feature: Tensor
    logits: list[Tensor]


class Pyramid(ReIDModel):
    """Twenty-one branches on one feature map. Each has a classifier."""

    def __init__(self, switches: PyramidSwitches, identities: int, backbone: str) -> None:
        super().__init__()
        self.trunk = build_backbone(backbone)
        self.branches = nn.ModuleList(Reduction(self.trunk.channels, BRANCH_WIDTH) for _ in BRANCHES)
        self.identities = nn.ModuleList(identity_classifier(BRANCH_WIDTH, identities) for _ in BRANCHES)
        self.dynamic_training = DynamicTraining() if switches.dynamic else None

    def forward(self, batch: Batch) -> PyramidFeatures:
        """Features and logits of all branches."""
        parts = self._branches(batch.images)
        logits = [classify(part) for classify, part in zip(self.identities, parts, strict=True)]
        return PyramidFeatures(torch.cat(parts, 1), logits)

    def losses(self, features: PyramidFeatures, batch: Batch) -> dict[str, Tensor]:
        """``id``, summed over branches, and ``triplet`` of all branches together, 0 at steps that leave it out."""
        identity = identity_loss(features.logits, batch.labels)
        triplet = triplet_loss(features.feature, batch.labels)
        if self.dynamic_training is not None:
            triplet = self.dynamic_training(identity, triplet) * triplet
        return {"id": identity, "triplet": triplet}

    def embed(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """``feature`` (B, 21 x 128): all branches side by side."""
        return {"feature": torch.cat(self._branches(images), 1)}

    def classifiers(self) -> Iterable[nn.Module]:
        """The classifiers of the branches."""
        return self.identities

    def _branches(self, images: Tensor) -> list[Tensor]:
        """Mean plus maximum over each branch's rows (Fig. 3), reduced: 21 tensors (B, 128)."""
        features = self.trunk(images)
        rows = stripes(features.shape[2], STRIPES)
        spans = [features[:, :, rows[first].start : rows[after - 1].stop] for first, after in BRANCHES]
        pooled = [span.mean((2, 3)) + span.amax((2, 3)) for span in spans]
        return [branch(each) for branch, each in zip(self.branches, pooled, strict=True)]
