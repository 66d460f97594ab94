"""The network of Fig. 2: the main branch, the only one used at test, and two branches that read poses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness.errors import BadInput
from harness.models.backbone import build_backbone
from harness.models.bnneck import BNNeck, bias_free_classifier
from harness.models.reid import Batch, ReIDModel
from methods.pgfl_kd.heatmaps import GROUPS, part_weights
from methods.pgfl_kd.losses import consistent_loss, multi_part_contrastive_loss, reid_loss
from methods.pgfl_kd.switches import PGFLKDSwitches, Similarity
from methods.pgfl_kd.trunk import TwoLayer4Trunk

PARTS = len(GROUPS)


class SemanticsAlignedBranch(nn.Module):
    """SAB (Sec. 3.3): each part's local feature is reduced to an eighth of the channels; all are concatenated."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reductions = nn.ModuleList()
        for _ in range(PARTS):
            projection = nn.Linear(channels, channels // PARTS, bias=False)
            nn.init.kaiming_normal_(projection.weight, mode="fan_out", nonlinearity="relu")
            self.reductions.append(nn.Sequential(projection, nn.BatchNorm1d(channels // PARTS), nn.ReLU()))

    def forward(self, local: Tensor) -> Tensor:
        """f_P: local features (B, 8, C) to (B, C), where f_{p,k} = ReLU(BN(W_k f_{l,k}))."""
        return torch.cat([reduction(local[:, part]) for part, reduction in enumerate(self.reductions)], dim=1)


def weighted_sums(features: Tensor, weights: Tensor) -> Tensor:
    """Weighted sums over positions: features (B, C, h, w) and K maps of weights (B, K, h, w) to (B, K, C).

    With part weights they are f_{l,k} of Eq. 1, with foreground weights f_F of Eq. 3.
    """
    return weights.to(features.dtype).flatten(2) @ features.flatten(2).transpose(1, 2)


def foreground_weights(features: Tensor, local: Tensor, similarity: Similarity) -> Tensor:
    """a of Eq. 2: (B, h, w), summing to 1. The query is the mean of ``local`` (B, 8, C); ``features`` (B, C, h, w).

    With ``dot_gap`` the query is average-pooled as in Eq. 1: 1 / (h w) of the sum-pooled query.
    """
    height, width = features.shape[2:]
    # In float32 and without a matrix product: bfloat16 would leave two digits of the exponents.
    positions, query = features.float().flatten(2), local.float().mean(1)
    if similarity == "cosine":
        positions, query = F.normalize(positions, dim=1), F.normalize(query, dim=1)
    logits = (query[:, :, None] * positions).sum(1)
    if similarity == "dot_gap":
        logits = logits / (height * width)
    return torch.softmax(logits, dim=1).unflatten(1, (height, width))


@dataclass
class PGFLKDFeatures:
    """By name: pooled features (B, C), and the logits (B, identities) of the features that have a BNNeck."""

    pooled: dict[str, Tensor]
    logits: dict[str, Tensor]


class PGFLKD(ReIDModel):
    """The network and all variants of it in the paper's tables. Features have the paper's names."""

    def __init__(self, switches: PGFLKDSwitches, identities: int, backbone: str) -> None:
        super().__init__()
        self.switches = switches
        self.trunk = TwoLayer4Trunk(backbone) if switches.own_layer4 else build_backbone(backbone)
        channels = self.trunk.channels
        supervised = ["f_G"]
        if switches.sab:
            self.sab = SemanticsAlignedBranch(channels)
            supervised.append("f_V" if switches.interaction else "f_P")
        if switches.feb:
            supervised.append("f_E")
        self.necks = nn.ModuleDict({name: BNNeck(channels) for name in supervised})
        self.heads = nn.ModuleDict({name: bias_free_classifier(channels, identities) for name in supervised})

    def forward(self, batch: Batch) -> PGFLKDFeatures:
        """All features of the variant, and the logits of the supervised ones."""
        posed = self.switches.sab or self.switches.feb
        features, pose_features = self._maps(batch.images, posed)
        pooled = {"f_G": features.mean((2, 3))}
        if posed:
            pooled |= self._pose_guided(pose_features, pooled["f_G"], _keypoints(batch.priors))
        logits = {name: head(self.necks[name](pooled[name])) for name, head in self.heads.items()}
        return PGFLKDFeatures(pooled, logits)

    def losses(self, features: PGFLKDFeatures, batch: Batch) -> dict[str, Tensor]:
        """The terms of Eq. 10: ``id_*`` and ``triplet_*`` of each supervised feature, then the distillation losses."""
        switches, pooled = self.switches, features.pooled
        losses = {
            f"{term}_{name}": loss
            for name, logits in features.logits.items()
            for term, loss in reid_loss(pooled[name], logits, batch.labels, switches.triplet).items()
        }
        if switches.consistent:
            distance = consistent_loss(pooled["f_G"], pooled["f_E"], switches.consistent_reduction)
            losses["consistent"] = switches.lambda_cl * distance
        if switches.multi_part_contrastive:
            contrast = multi_part_contrastive_loss(pooled["f_G"], pooled["f_P"], switches.unit_vectors)
            losses["multi_part_contrastive"] = switches.lambda_mcl * contrast
        if switches.sab_consistent:
            distance = consistent_loss(pooled["f_G"], pooled["f_P"], switches.consistent_reduction)
            losses["sab_consistent"] = switches.lambda_sab_cl * distance
        return losses

    def embed(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """``f_G`` (B, C), which needs no pose. With ``keypoints``, the variant's other features of Table 8, too.

        A feature that has a BNNeck is given after its BN.
        """
        keypoints = (priors or {}).get("keypoints")
        features, pose_features = self._maps(images, posed=keypoints is not None)
        pooled = {"f_G": features.mean((2, 3))}
        if keypoints is not None:
            pooled |= self._pose_guided(pose_features, pooled["f_G"], keypoints)
        return {name: self.necks[name](each) if name in self.necks else each for name, each in pooled.items()}

    def classifiers(self) -> Iterable[nn.Module]:
        """One classifier per supervised feature."""
        return self.heads.values()

    def attention_maps(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Maps (B, h, w), 0..1: ``responses``, the mean of F over channels (Fig. 1 and 4); ``foreground``, a of Eq. 2.

        ``foreground`` is drawn if ``keypoints`` are given and the variant has the FEB.
        """
        features, pose_features = (each.float() for each in self._maps(images, posed=True))
        maps = {"responses": _stretched(features.mean(1))}
        if self.switches.feb and priors and "keypoints" in priors:
            local = weighted_sums(pose_features, part_weights(priors["keypoints"], *pose_features.shape[2:]))
            maps["foreground"] = _stretched(foreground_weights(pose_features, local, self.switches.feb_similarity))
        return maps

    def _maps(self, images: Tensor, posed: bool) -> tuple[Tensor, Tensor]:
        """F as the main branch pools it, and as the pose-guided branches read it. One tensor where they share it."""
        if posed and isinstance(self.trunk, TwoLayer4Trunk):
            return self.trunk.both(images)
        features = self.trunk(images)
        return features, features

    def _pose_guided(self, features: Tensor, f_g: Tensor, keypoints: Tensor) -> dict[str, Tensor]:
        """``f_F`` and ``f_E`` of the FEB, ``f_P`` and ``f_V`` of the SAB, if the variant has these branches."""
        switches = self.switches
        local = weighted_sums(features, part_weights(keypoints, *features.shape[2:]))
        found = {}
        if switches.feb:
            weights = foreground_weights(features, local, switches.feb_similarity)
            found["f_F"] = weighted_sums(features, weights[:, None]).squeeze(1)
            found["f_E"] = found["f_F"] + f_g
        if switches.sab:
            found["f_P"] = self.sab(local)
        if switches.interaction:
            found["f_V"] = f_g + found["f_P"]  # Eq. 6
        return found


def _keypoints(priors: Mapping[str, Tensor]) -> Tensor:
    if "keypoints" not in priors:
        raise BadInput("pgfl_kd: the pose-guided branches read keypoints, which were not given; provide them")
    return priors["keypoints"]


def _stretched(maps: Tensor) -> Tensor:
    """Each map of (B, h, w) scaled so that its least value is 0 and its greatest is 1."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low).clamp(min=1e-12)
