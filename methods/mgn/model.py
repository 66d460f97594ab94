"""The Multiple Granularity Network (Fig. 3): one global branch, and branches of two and of three stripes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from harness.models.backbone import ResNet, resnet_part
from harness.models.bnneck import bias_free_classifier
from harness.models.reduction import Reduction
from harness.models.reid import Batch, ReIDModel
from harness.models.stripes import stripes
from methods.mgn.losses import softmax_loss, triplet_loss
from methods.mgn.switches import MGNSwitches

REDUCED = 256
"""Width of each feature, or the trunk's channels if these are fewer."""
GRANULARITIES = (1, 2, 3)
"""Stripes of each branch. Only the global branch halves its map once more (Table 1)."""


class BranchedTrunk(nn.Module):
    """A ResNet up to the first block of its fourth stage (res_conv4_1), then three copies of the rest."""

    def __init__(self, backbone: str) -> None:
        super().__init__()
        self.shared = resnet_part(backbone, 0, 3)
        self.shared.layer3 = _blocks(self.shared)[:1]
        self.branches = nn.ModuleList(resnet_part(backbone, 3, 4, 2 if parts == 1 else 1) for parts in GRANULARITIES)
        for branch in self.branches:
            branch.layer3 = _blocks(branch)[1:]
        self.channels = cast(ResNet, self.branches[0]).channels

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) to the maps (B, channels, h, w) of the three branches."""
        features = self.shared(images)
        return [branch(features) for branch in self.branches]


def _blocks(part: nn.Module) -> nn.Sequential:
    """The blocks of the fourth stage, which torchvision calls layer3."""
    return cast(nn.Sequential, part.layer3)


def _reduction(inputs: int, outputs: int) -> Reduction:
    reduction = Reduction(inputs, outputs, bias=False)
    nn.init.kaiming_normal_(cast(nn.Linear, reduction[0]).weight, mode="fan_out")
    return reduction


@dataclass
class MGNFeatures:
    """Features for a training step: logits (B, C) of the eight classifiers, reduced global features (B, 256)."""

    logits: list[Tensor]
    global_features: list[Tensor]


class MGN(ReIDModel):
    """Three branches with a global feature each; two of them have a feature per stripe, too. Eight in all."""

    def __init__(self, switches: MGNSwitches, identities: int, backbone: str) -> None:
        super().__init__()
        self.switches = switches
        self.trunk = BranchedTrunk(backbone)
        channels = self.trunk.channels
        width = min(REDUCED, channels)
        whole = len(GRANULARITIES)
        parts = sum(count for count in GRANULARITIES if count > 1)
        self.reductions = nn.ModuleList(_reduction(channels, width) for _ in range(whole + parts))
        # Global features are classified before they are reduced, stripes after (Sec. 3.3).
        widths = [channels] * whole + [width] * parts
        self.identities = nn.ModuleList(bias_free_classifier(each, identities) for each in widths)

    def forward(self, batch: Batch) -> MGNFeatures:
        """Logits and global features of the batch."""
        pooled = self._pooled(batch.images)
        reduced = self._reduced(pooled)
        whole = len(GRANULARITIES)
        classified = [*pooled[:whole], *reduced[whole:]]
        logits = [classify(each) for classify, each in zip(self.identities, classified, strict=True)]
        return MGNFeatures(logits, reduced[:whole])

    def losses(self, features: MGNFeatures, batch: Batch) -> dict[str, Tensor]:
        """``id`` and, on the reduced global features, ``triplet``."""
        losses = {"id": softmax_loss(features.logits, batch.labels)}
        if self.switches.triplet:
            losses["triplet"] = triplet_loss(features.global_features, batch.labels)
        return losses

    def embed(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """``feature`` (B, 8 x 256): all reduced features side by side."""
        return {"feature": torch.cat(self._reduced(self._pooled(images)), 1)}

    def classifiers(self) -> Iterable[nn.Module]:
        """The eight classifiers."""
        return self.identities

    def _pooled(self, images: Tensor) -> list[Tensor]:
        """Maxima of the branches' whole maps, then of their stripes: three and five tensors (B, channels)."""
        maps = self.trunk(images)
        whole = [each.amax((2, 3)) for each in maps]
        local = [
            each[:, :, rows].amax((2, 3))
            for each, parts in zip(maps, GRANULARITIES, strict=True)
            for rows in (stripes(each.shape[2], parts) if parts > 1 else ())
        ]
        return whole + local

    def _reduced(self, pooled: list[Tensor]) -> list[Tensor]:
        return [reduce(each) for reduce, each in zip(self.reductions, pooled, strict=True)]
