"""The network of Fig. 2 and all variants of it in the paper's tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn

from harness.models.reid import Batch, ReIDModel
from methods.mdpr.branches import HardBranch, SoftBranch, View
from methods.mdpr.exchange import Fusion, Predictor
from methods.mdpr.losses import (
    attention_diversity,
    attention_diversity_released,
    circle_classification_loss,
    circle_loss,
    mutual_distillation,
    triplet_loss,
)
from methods.mdpr.switches import ATTENDED, FEATURES, MDPRSwitches
from methods.mdpr.trunk import TwoBranchTrunk

PRINTED_CHANNELS = 2048
"""Channels of the trunk that the paper's M is for. A smaller trunk has embeddings narrower in proportion."""


@dataclass
class MDPRFeatures:
    """Features for the losses of one group's images: the branches' outputs, and distillation's predictions (B, M)."""

    view: View
    predicted: dict[str, Tensor]


class MDPR(ReIDModel):
    """The trunk, the hard and the soft content branch, and their exchange."""

    def __init__(self, switches: MDPRSwitches, identities: int, backbone: str) -> None:
        super().__init__()
        self.switches = switches
        branches = switches.branches
        self.trunk = TwoBranchTrunk(
            backbone, branches, switches.independent_networks, padded_pool=not switches.released
        )
        fine, coarse = self.trunk.channels, self.trunk.coarse_channels
        width = max(1, switches.embedding_dim * fine // PRINTED_CHANNELS)
        self.hard = HardBranch(fine, width) if "hard" in branches else None
        self.soft = SoftBranch(coarse, fine, width, switches) if "soft" in branches else None
        self.predictors = nn.ModuleDict({name: Predictor(width) for name in branches if switches.distillation})
        self.fusion = Fusion(width) if switches.fusion else None
        for name, module in self.named_modules():
            if isinstance(module, nn.Conv2d) and not name.startswith("trunk."):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        self.proxies = nn.ModuleDict()
        if switches.released:
            widths = {"fusion": 4 * width, **dict.fromkeys(ATTENDED, switches.num_attention * width)}
            for name in switches.trained_features:
                proxies = nn.Linear(widths.get(name, width), identities, bias=False)
                nn.init.normal_(proxies.weight, std=0.01)
                self.proxies[name] = proxies

    def forward(self, batch: Batch) -> list[MDPRFeatures]:
        """Features of the batch. In the released variant: of each group, which has its own BN statistics."""
        return [self._of_group(images) for images in batch.images.chunk(batch.groups)]

    def losses(self, features: list[MDPRFeatures], batch: Batch) -> dict[str, Tensor]:
        """The terms of Eq. 9: ``circle``, ``triplet``, ``attention_diversity``, ``distillation``.

        Each is the unweighted sum over features, and the mean over groups (the authors' processes).
        """
        found = [
            self._losses(own, labels) for own, labels in zip(features, batch.labels.chunk(batch.groups), strict=True)
        ]
        return {name: torch.stack([each[name] for each in found]).mean() for name in found[0]}

    def embed(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Every feature of Table I, with ``bap5`` and ``bap4``: (B, M), ``fusion`` (B, 4 M), ``bap`` (B, K M)."""
        features = self._view(images).features
        return {name: features[name] for name in FEATURES if name in features}

    def classifiers(self) -> Iterable[nn.Module]:
        """The proxies of the released circle loss. The printed one has none."""
        return self.proxies.values()

    def attention_maps(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Fig. 9 and 10: each map of A4, their overlay, and the same for A5; name -> (B, h, w) in 0..1.

        They are drawn as the authors do it: maps are squared, the overlay is the squared mean, and each picture is
        stretched from its least to its greatest value.
        """
        attention = self._view(images).attention
        found: dict[str, Tensor] = {}
        for level in sorted(attention):
            maps = attention[level].detach()
            found |= {f"{level} map {k}": _stretched(each.square()) for k, each in enumerate(maps.unbind(1), 1)}
            found[f"{level} overlay"] = _stretched(maps.mean(1).square())
        return found

    def _view(self, images: Tensor) -> View:
        stages = self.trunk(images)
        view = View()
        if self.hard is not None:
            _, c5 = stages["hard"]
            view = view.beside(self.hard(c5))
        if self.soft is not None:
            view = view.beside(self.soft(*stages["soft"]))
        if self.fusion is not None:
            view.features["fusion"] = self.fusion(view.embedded)
        return view

    def _of_group(self, images: Tensor) -> MDPRFeatures:
        view = self._view(images)
        predicted = {name: predictor(view.features[f"{name}_g5"]) for name, predictor in self.predictors.items()}
        # Tensors that no loss reads are dropped: copying them to float32 and gathering them costs time.
        attention = view.attention if self.switches.released else {}
        return MDPRFeatures(replace(view, embedded={}, attention=attention), predicted)

    def _losses(self, features: MDPRFeatures, labels: Tensor) -> dict[str, Tensor]:
        view, switches = features.view, self.switches
        losses = {
            "circle": self._circle(view.features, labels),
            "triplet": _total(
                triplet_loss(each, labels) for name, each in view.features.items() if name not in ATTENDED
            ),
        }
        if view.attended:
            losses["attention_diversity"] = _total(
                attention_diversity_released(seen, view.attention[level], switches.beta)
                if switches.released
                else attention_diversity(seen, switches.beta)
                for level, seen in view.attended.items()
            )
        if features.predicted:
            losses["distillation"] = mutual_distillation(
                features.predicted["hard"],
                features.predicted["soft"],
                view.features["hard_g5"],
                view.features["soft_g5"],
            )
        return losses

    def _circle(self, features: Mapping[str, Tensor], labels: Tensor) -> Tensor:
        if not self.switches.released:
            return _total(circle_loss(each, labels) for each in features.values())
        return _total(
            circle_classification_loss(features[name], cast(nn.Linear, proxies).weight, labels)
            for name, proxies in self.proxies.items()
        )


def _total(losses: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(losses)).sum()


def _stretched(maps: Tensor) -> Tensor:
    """Each map of (B, h, w) scaled so that its least value is 0 and its greatest is 1."""
    least, greatest = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - least) / (greatest - least).clamp(min=1e-12)
