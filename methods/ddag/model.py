"""The two-stream network with part attention and graph attention (Fig. 2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.losses import identity_loss
from harness.models.bnneck import bias_free_classifier
from harness.models.reid import Batch, ReIDModel
from harness.models.two_streams import TwoStreamTrunk, infrared_images
from methods.ddag.graph_attention import GraphAttention, neighbourhood
from methods.ddag.losses import dynamic_weight, triplet_loss
from methods.ddag.neck import Neck
from methods.ddag.part_attention import PartAttention
from methods.ddag.switches import DDAGSwitches


@dataclass
class DDAGFeatures:
    """Features for a training step: x_o (B, D) before the neck, and logits (B, C) of f, of x* and of the graph."""

    pooled: Tensor
    logits: Tensor
    part_logits: Tensor | None
    graph_logits: Tensor | None


class DDAG(ReIDModel):
    """The network of Fig. 2 and all variants of it in the paper's tables."""

    graph_weight: Tensor

    def __init__(self, switches: DDAGSwitches, identities: int, backbone: str) -> None:
        super().__init__()
        self.switches = switches
        self.trunk = TwoStreamTrunk(backbone)
        channels = self.trunk.channels
        self.neck = Neck(channels)
        self.classifier = bias_free_classifier(channels, identities)
        if switches.part_attention:
            self.part_attention = PartAttention(channels, switches)
            # Sec. 3.4: x* goes through the classifier of f. Concatenated parts are too wide and have their own.
            if switches.part_aggregation == "concat":
                self.part_classifier = bias_free_classifier(self.part_attention.width, identities)
        if switches.graph:
            self.graph_attention = GraphAttention(channels, identities, switches)
            # L_P is not known in the first epoch, so the graph loss has weight 0 (code).
            first = 0.0 if switches.dual_aggregation == "dynamic" else 1.0
            self.register_buffer("graph_weight", torch.tensor(first))

    def forward(self, batch: Batch) -> DDAGFeatures:
        """x_o and logits of the batch. Raises BadInput if its priors do not say which images are infrared."""
        infrared = infrared_images(batch.priors, "ddag")
        features = self.trunk(batch.images, infrared, batch.infrared_count)
        pooled = _pooled(features)
        f = self.neck(pooled)
        part_logits = graph_logits = None
        if self.switches.part_attention:
            part_logits = self._part_classifier()(self.part_attention(features, pooled, f))
        if self.switches.graph:
            graph = neighbourhood(batch.labels, infrared, self.switches.graph_neighbours)
            graph_logits = self.graph_attention(pooled, graph)
        return DDAGFeatures(pooled, self.classifier(f), part_logits, graph_logits)

    def losses(self, features: DDAGFeatures, batch: Batch) -> dict[str, Tensor]:
        """The terms of Eq. 11: ``id`` and ``triplet`` (L_b), ``part`` (L_wp), ``graph`` (weighted L_g)."""
        losses = {
            "id": identity_loss([features.logits], batch.labels),
            "triplet": triplet_loss(features.pooled, batch.labels),
        }
        if features.part_logits is not None:
            losses["part"] = identity_loss([features.part_logits], batch.labels)
        if features.graph_logits is not None:
            losses["graph"] = self.graph_weight * identity_loss([features.graph_logits], batch.labels)
        return losses

    def end_epoch(self, losses: Mapping[str, float]) -> None:
        """Eq. 11: set the weight of the graph loss for the next epoch."""
        if self.switches.dual_aggregation == "dynamic":
            self.graph_weight.fill_(dynamic_weight(losses))

    def embed(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """``f`` (B, D) after the neck and, with part attention, ``x_star``. The graph is never used.

        Raises BadInput if ``priors`` do not say which images are infrared.
        """
        features = self.trunk(images, infrared_images(priors or {}, "ddag"))
        pooled = _pooled(features)
        f = self.neck(pooled)
        if not self.switches.part_attention:
            return {"f": f}
        return {"f": f, "x_star": self.part_attention(features, pooled, f)}

    def classifiers(self) -> Iterable[nn.Module]:
        """The shared classifier, and the classifier of concatenated parts."""
        return [self.classifier, self.part_classifier] if self._concatenates else [self.classifier]

    @property
    def _concatenates(self) -> bool:
        return self.switches.part_aggregation == "concat"

    def _part_classifier(self) -> nn.Module:
        return self.part_classifier if self._concatenates else self.classifier


def _pooled(features: Tensor) -> Tensor:
    """x_o: the mean of (B, D, h, w) over positions. In float32, because distances between such means are small."""
    return features.mean((2, 3), dtype=torch.float32)
