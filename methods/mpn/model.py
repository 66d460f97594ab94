"""The Multi-task Part-aware Network (Fig. 3): one main task and one auxiliary task for each of K body parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from harness.errors import BadInput
from harness.losses import identity_loss
from harness.models.backbone import build_backbone
from harness.models.classifier import identity_classifier
from harness.models.reid import Batch, ReIDModel
from harness.models.stripes import stripes
from methods.mpn.losses import FEATURE_SPACE, LAMBDA, soft_sharing, triplet_loss
from methods.mpn.priors import coarse_prior, rectify
from methods.mpn.switches import MPNSwitches

PART_WIDTH = 512
"""Channels of both convolutions of a task (Sec. 3.3), or the trunk's channels if these are fewer."""


class PartConvolution(nn.Sequential):
    """1x1 convolution, BN, ReLU: (B, inputs, h, w) to (B, outputs, h, w)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class PartProjection(nn.Sequential):
    """The second 1x1 convolution, BN, ReLU: (B, inputs) to (B, outputs). After pooling it is a linear layer."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU(inplace=True))


class ChannelAttention(nn.Module):
    """Squeeze-and-excitation of a pooled vector (Fig. 6). BN follows each layer."""

    REDUCTION = 4

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // self.REDUCTION
        self.gate = nn.Sequential(
            nn.Linear(channels, inner),
            nn.BatchNorm1d(inner),
            nn.ReLU(inplace=True),
            nn.Linear(inner, channels),
            nn.BatchNorm1d(channels),
            nn.Sigmoid(),
        )

    def forward(self, pooled: Tensor) -> Tensor:
        """(B, channels) to (B, channels). Each channel is weighted by its importance in this image."""
        return pooled * self.gate(pooled)


class PartTask(nn.Module):
    """One MT or AT (Sec. 3.3): conv1, global max-pooling, optional CA, conv2, and the FC layer of its identities.

    Parameter space alignment: an AT gets its MT as ``partner`` and uses the partner's shared modules, BN included.
    Classifiers are never shared.
    """

    def __init__(self, channels: int, identities: int, switches: MPNSwitches, partner: PartTask | None = None) -> None:
        super().__init__()
        width = min(PART_WIDTH, channels)
        self.conv1: PartConvolution = (
            partner.conv1 if partner and switches.c1_shared else PartConvolution(channels, width)
        )
        self.attention: nn.Module = nn.Identity()
        if switches.ca:
            self.attention = partner.attention if partner and switches.ca_shared else ChannelAttention(width)
        self.conv2: PartProjection = partner.conv2 if partner and switches.c2_shared else PartProjection(width, width)
        self.classifier = identity_classifier(width, identities)

    def forward(self, features: Tensor) -> Tensor:
        """Part feature f_k or z_k: (B, C, h, w) to (B, 512)."""
        pooled = self.conv1(features).flatten(2).amax(2)
        return self.conv2(self.attention(pooled))


@dataclass
class TaskFeatures:
    """Part features and logits of all MTs, or of all ATs: K tensors (B, 512) and K tensors (B, C)."""

    parts: list[Tensor] = field(default_factory=list)
    logits: list[Tensor] = field(default_factory=list)

    def holistic(self) -> Tensor:
        """h (Eq. 2) or g (Eq. 5): the parts side by side, (B, 512 K)."""
        return torch.cat(self.parts, 1)


@dataclass
class MPNFeatures:
    """Features for a training step. Tasks that the switches leave out are empty."""

    main: TaskFeatures
    auxiliary: TaskFeatures


class MPN(ReIDModel):
    """The network of Fig. 3 and all variants of it in the paper's tables."""

    def __init__(self, switches: MPNSwitches, identities: int, backbone: str) -> None:
        super().__init__()
        self.switches = switches
        self.trunk = build_backbone(backbone, switches.spatial_attention)
        channels = self.trunk.channels
        self.main = nn.ModuleList()
        self.auxiliary = nn.ModuleList()
        for _ in range(switches.k):
            mt = PartTask(channels, identities, switches) if switches.has_main else None
            if mt is not None:
                self.main.append(mt)
            if switches.has_auxiliary:
                self.auxiliary.append(PartTask(channels, identities, switches, partner=mt))

    def forward(self, batch: Batch) -> MPNFeatures:
        """Features and logits of all tasks. ATs see the training prior of Sec. 3.2."""
        features = self.trunk(batch.images)
        main = _with_logits(self.main, [features] * len(self.main))
        auxiliary = TaskFeatures()
        if self.switches.has_auxiliary:
            regions = self._regions(features, self.switches.prior, batch.priors)
            auxiliary = _with_logits(self.auxiliary, regions)
        return MPNFeatures(main, auxiliary)

    def losses(self, features: MPNFeatures, batch: Batch) -> dict[str, Tensor]:
        """The terms of Eq. 10: ``id_mt``, ``id_at``, ``triplet``, ``feature_space``; ``soft_sharing`` if it is on."""
        switches, labels = self.switches, batch.labels
        losses: dict[str, Tensor] = {}
        if switches.has_main:
            losses["id_mt"] = identity_loss(features.main.logits, labels)
        if switches.has_auxiliary:
            losses["id_at"] = identity_loss(features.auxiliary.logits, labels)
        losses["triplet"] = switches.triplet_weight * triplet_loss(self._triplet_features(features), labels)
        if switches.fsa in FEATURE_SPACE:
            constraint = FEATURE_SPACE[switches.fsa]
            losses["feature_space"] = LAMBDA * constraint(
                features.main.holistic(), features.auxiliary.holistic(), labels
            )
        if switches.soft_c1_weight or switches.soft_c2_weight:
            losses["soft_sharing"] = self._soft_sharing()
        return losses

    def embed(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """``h`` (B, 512 K) of the MTs, without ATs. Variants that have only ATs give ``g``.

        Raises BadInput when the variant corrects test images (Baseline (UB)) and ``priors`` are missing.
        """
        features = self.trunk(images)
        if self.switches.has_main:
            return {"h": torch.cat([task(features) for task in self.main], 1)}
        regions = self._regions(features, self.switches.test_prior, priors or {})
        parts = [task(region) for task, region in zip(self.auxiliary, regions, strict=True)]
        return {"g": torch.cat(parts, 1)}

    def classifiers(self) -> Iterable[nn.Module]:
        """The 2K (or K) identity classifiers."""
        return [task.classifier for task in _part_tasks([*self.main, *self.auxiliary])]

    def attention_maps(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Grad-CAM of each part's classifier for the identity it predicts (Fig. 8-9): ``part k`` -> (B, h, w), 0..1."""
        with torch.inference_mode(False), torch.enable_grad():
            features = self.trunk(images.clone()).detach().requires_grad_()
            if self.switches.has_main:
                tasks = _with_logits(self.main, [features] * self.switches.k)
            else:
                regions = self._regions(features, self.switches.test_prior, priors or {})
                tasks = _with_logits(self.auxiliary, regions)
            return {f"part {k}": _grad_cam(logits, features) for k, logits in enumerate(tasks.logits, start=1)}

    def _regions(self, features: Tensor, kind: str, priors: Mapping[str, Tensor]) -> list[Tensor]:
        """P_k (Fig. 5(b)): the input of each AT, K tensors (B, C, h / K, w)."""
        height, width = features.shape[2:]
        if kind != "uniform":
            missing = [name for name in ("parsing", "segmentation") if name not in priors]
            if missing:
                raise BadInput(
                    f"mpn: the part prior {kind!r} reads parsing and segmentation maps but {' and '.join(missing)} "
                    "were not given; provide them or use the prior 'uniform'"
                )
            prior = coarse_prior(priors["parsing"], priors["segmentation"], height, width, self.switches.k)
            features = rectify(features, prior, use_mask=kind == "mask_roi")
        return [features[:, :, rows] for rows in stripes(height, self.switches.k)]

    def _triplet_features(self, features: MPNFeatures) -> Tensor:
        if self.switches.triplet_on == "h":
            return features.main.holistic()
        if self.switches.triplet_on == "g":
            return features.auxiliary.holistic()
        return features.main.holistic() + features.auxiliary.holistic()

    def _soft_sharing(self) -> Tensor:
        pairs = list(zip(_part_tasks(self.main), _part_tasks(self.auxiliary), strict=True))
        first = soft_sharing((mt.conv1[0], at.conv1[0]) for mt, at in pairs)
        second = soft_sharing((mt.conv2[0], at.conv2[0]) for mt, at in pairs)
        return self.switches.soft_c1_weight * first + self.switches.soft_c2_weight * second


def _part_tasks(modules: Iterable[nn.Module]) -> list[PartTask]:
    return [module for module in modules if isinstance(module, PartTask)]


def _with_logits(tasks: Iterable[nn.Module], inputs: list[Tensor]) -> TaskFeatures:
    """Run the k-th task on the k-th input."""
    result = TaskFeatures()
    for task, features in zip(_part_tasks(tasks), inputs, strict=True):
        part = task(features)
        result.parts.append(part)
        result.logits.append(task.classifier(part))
    return result


def _grad_cam(logits: Tensor, features: Tensor) -> Tensor:
    """Grad-CAM (Selvaraju et al., ICCV 2017, Eq. 1-2) of the highest logit, each map scaled by its own maximum."""
    (gradient,) = torch.autograd.grad(logits.amax(1).sum(), features, retain_graph=True)
    importance = gradient.mean((2, 3), keepdim=True)
    maps = (importance * features).sum(1).clamp(min=0).detach().float()
    return maps / maps.amax((1, 2), keepdim=True).clamp(min=1e-12)
