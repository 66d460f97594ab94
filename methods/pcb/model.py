"""The PCB network (Fig. 2) and refined part pooling (Sec. 3.4, Fig. 4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from harness.models.backbone import build_backbone
from harness.models.classifier import identity_classifier
from harness.models.reduction import Reduction
from harness.models.reid import Batch, ReIDModel
from harness.models.stripes import stripes
from methods.pcb.losses import part_loss
from methods.pcb.switches import PCBSwitches

PARTS = 6
PART_WIDTH = 256
"""Width of a part of h, or the trunk's channels if these are fewer."""


class PCB(ReIDModel):
    """Six parts of the feature map. Each is pooled, reduced and classified by itself."""

    def __init__(self, switches: PCBSwitches, identities: int, backbone: str) -> None:
        super().__init__()
        self.trunk = build_backbone(backbone)
        channels = self.trunk.channels
        width = min(PART_WIDTH, channels)
        self.reductions = nn.ModuleList(Reduction(channels, width) for _ in range(PARTS))
        self.part_identities = nn.ModuleList(identity_classifier(width, identities) for _ in range(PARTS))
        self.learnt = (self.trunk, self.reductions, self.part_identities) if switches.pooling == "induced" else ()
        for module in self.learnt:
            module.requires_grad_(False)
        self.part_classifier = nn.Conv2d(channels, PARTS, 1) if switches.pooling != "uniform" else None

    def train(self, mode: bool = True) -> PCB:
        """Set the mode. While parts are induced, modules trained before stay frozen, BN statistics included."""
        super().train(mode)
        for module in self.learnt:
            module.eval()
        return self

    def forward(self, batch: Batch) -> list[Tensor]:
        """Identity logits of each part: PARTS tensors (B, C)."""
        parts = zip(self._pooled(batch.images), self.reductions, self.part_identities, strict=True)
        return [classify(reduce(g)) for g, reduce, classify in parts]

    def losses(self, features: list[Tensor], batch: Batch) -> dict[str, Tensor]:
        """``id``: the parts' cross-entropies."""
        return {"id": part_loss(features, batch.labels)}

    def embed(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """The parts side by side: ``g`` (B, PARTS x channels) pooled, ``h`` (B, PARTS x 256) reduced."""
        pooled = self._pooled(images)
        reduced = [reduce(g) for g, reduce in zip(pooled, self.reductions, strict=True)]
        return {"g": torch.cat(pooled, 1), "h": torch.cat(reduced, 1)}

    def classifiers(self) -> Iterable[nn.Module]:
        """The parts' identity classifiers."""
        return self.part_identities

    def _pooled(self, images: Tensor) -> list[Tensor]:
        """g of each part: the mean of its stripe or, if refined, the mean of all positions weighted by assignment."""
        features = self.trunk(images)
        if self.part_classifier is None:
            return [features[:, :, rows].mean((2, 3)) for rows in stripes(features.shape[2], PARTS)]
        belongs = self.part_classifier(features).softmax(1)
        # A part holds 1/PARTS of all positions, so the factor makes this the mean of a stripe for even stripes.
        return [PARTS * (features * belongs[:, k : k + 1]).mean((2, 3)) for k in range(PARTS)]
