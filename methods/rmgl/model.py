"""The network of Fig. 2: branches of different granularity, two paths per branch, a feature per stripe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from harness.models.classifier import identity_classifier
from harness.models.reid import Batch, ReIDModel
from methods.rmgl.losses import classification_loss, metric_loss
from methods.rmgl.pooling import balanced_pooling, even_pooling, global_pooling
from methods.rmgl.switches import PathName, RMGLSwitches
from methods.rmgl.trunk import BranchedTrunk

FEATURE_WIDTH = 256
"""Length of every feature (Sec. III-A)."""


class Reduction(nn.Sequential):
    """1x1 convolution and BN: (B, inputs) to (B, 256). After pooling the convolution is a linear layer."""

    def __init__(self, inputs: int, relu: bool) -> None:
        linear = nn.Linear(inputs, FEATURE_WIDTH, bias=False)
        nn.init.kaiming_normal_(linear.weight, mode="fan_in")
        norm = nn.BatchNorm1d(FEATURE_WIDTH)
        nn.init.normal_(norm.weight, 1.0, 0.02)
        super().__init__(linear, norm, *([nn.ReLU()] if relu else []))


def classifier(switches: RMGLSwitches, identities: int) -> nn.Linear:
    """The FC layer of one feature: (B, 256) to (B, identities) logits."""
    if switches.classifier_start == "near_zero":
        return identity_classifier(FEATURE_WIDTH, identities)
    layer = nn.Linear(FEATURE_WIDTH, identities, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out")
    return layer


class PathHeads(nn.Module):
    """A reduction and a classifier per feature of a path: the global feature (s = 0), then one per stripe."""

    def __init__(
        self,
        path: PathName,
        parts: int,
        inputs: int,
        identities: int,
        switches: RMGLSwitches,
        partner: PathHeads | None = None,
    ) -> None:
        super().__init__()
        self.has_global = path == "original" or switches.receptive_global
        self.parts, self.pooling = parts, switches.local_pooling
        # The features, numbered by s of Eq. 4. A branch of one stripe has the global feature only.
        numbers = [*([0] if self.has_global else []), *(range(1, parts + 1) if parts > 1 else [])]
        # The partner is the original path. It has every feature, so s is also the feature's index in it.
        self.reductions: nn.ModuleList = nn.ModuleList(
            partner.reductions[s] if partner else Reduction(inputs, switches.reduction_relu) for s in numbers
        )
        self.classifiers = nn.ModuleList(classifier(switches, identities) for _ in numbers)

    def forward(self, features: Tensor, balanced: bool) -> list[Tensor]:
        """The features f of a path's final map: (B, C, h, w) to a list of (B, 256)."""
        pooled = [global_pooling(features)] if self.has_global else []
        if self.parts > 1:
            local_pooling = balanced_pooling if balanced else even_pooling
            pooled += local_pooling(features, self.parts, self.pooling)
        return [reduction(vector) for reduction, vector in zip(self.reductions, pooled, strict=True)]


@dataclass
class RMGLFeatures:
    """Features for a training step: per branch those of both paths, and the logits of all features."""

    branches: list[list[Tensor]]
    logits: list[Tensor]


class RMGL(ReIDModel):
    """The network of Fig. 2 and all variants of it in the paper's tables."""

    def __init__(self, switches: RMGLSwitches, identities: int, backbone: str) -> None:
        super().__init__()
        self.switches = switches
        self.trunk: BranchedTrunk = BranchedTrunk(switches, backbone)
        self.heads = nn.ModuleList()
        for parts in switches.stripes:
            of_paths: dict[str, nn.Module] = {}
            for path in switches.paths(parts):
                shares = of_paths and switches.path_reductions == "shared"
                partner = cast(PathHeads, of_paths["original"]) if shares else None
                of_paths[path] = PathHeads(path, parts, self.trunk.channels, identities, switches, partner)
            self.heads.append(nn.ModuleDict(of_paths))

    def forward(self, batch: Batch) -> RMGLFeatures:
        """Features and logits of all branches, paths and stripes."""
        branches: list[list[Tensor]] = []
        logits: list[Tensor] = []
        for paths in self._paths(batch.images):
            branches.append([])
            for path, heads, features in paths:
                balanced = self.switches.abp_phase == "both" and path in self.switches.balanced_paths
                vectors = heads(features, balanced)
                branches[-1] += vectors
                logits += [layer(vector) for layer, vector in zip(heads.classifiers, vectors, strict=True)]
        return RMGLFeatures(branches, logits)

    def losses(self, features: RMGLFeatures, batch: Batch) -> dict[str, Tensor]:
        """The terms of Eq. 4: ``classification`` and ``triplet``."""
        switches, labels = self.switches, batch.labels
        # Both losses are means over the batch; times its size they are the printed sums.
        scale = len(labels) if switches.batch_reduction == "sum" else 1
        return {
            "classification": scale * classification_loss(features.logits, labels),
            "triplet": scale * metric_loss(features.branches, labels, switches.margin, switches.triplet_normalised),
        }

    def embed(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """All features side by side (Eq. 1): (B, 3584) for RMGL.

        ``feature`` is of even stripes, ``feature_abp`` of balanced ones. They are equal if no path is balanced.
        """
        even: list[Tensor] = []
        balanced: list[Tensor] = []
        for paths in self._paths(images):
            for path, heads, features in paths:
                vectors = heads(features, balanced=False)
                even += vectors
                balanced += heads(features, balanced=True) if path in self.switches.balanced_paths else vectors
        return {"feature": torch.cat(even, 1), "feature_abp": torch.cat(balanced, 1)}

    def classifiers(self) -> Iterable[nn.Module]:
        """One classifier per feature."""
        return [layer for of_paths in self.heads for heads in _heads(of_paths) for layer in heads.classifiers]

    def attention_maps(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Responses on the final maps (Fig. 4): the mean over channels, (B, h, w), each divided by its own maximum.

        ``O-2`` is the original path of the branch of two stripes, ``RP-2`` is its receptive path.
        """
        maps = {}
        with torch.no_grad():
            for paths in self._paths(images):
                for path, heads, features in paths:
                    response = features.float().mean(1)
                    name = f"{'O' if path == 'original' else 'RP'}-{heads.parts}"
                    maps[name] = response / response.amax((1, 2), keepdim=True).clamp(min=1e-12)
        return maps

    def _paths(self, images: Tensor) -> list[list[tuple[PathName, PathHeads, Tensor]]]:
        """Every path of every branch with its heads and its final map."""
        return [
            [(path, cast(PathHeads, of_paths[path]), features) for path, features in maps.items()]
            for maps, of_paths in zip(self.trunk(images), cast(Iterable[nn.ModuleDict], self.heads), strict=True)
        ]


def _heads(of_paths: nn.Module) -> list[PathHeads]:
    return [heads for heads in of_paths.children() if isinstance(heads, PathHeads)]
