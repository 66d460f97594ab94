"""ResNet trunks for re-identification: last stride 1, without final pooling and classifier.

Parameter names are torchvision's (``conv1``, ``layer1.0.conv1``, ...), so its ImageNet weights load. They also load
into parts of a ResNet that form the branches of a trunk.
"""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor, nn

from harness.errors import BadInput
from harness.models.catalogue import NetworkSpec, TrunkSpec, resnet_spec, trunk_spec
from harness.models.rga import SpatialAttention
from harness.models.stages import StagedNetwork, WholeNetwork, network_part

AttentionKind = Literal["none", "rga_s"]

STAGE_STRIDES = (1, 2, 2, 1)
"""Strides of layer1..layer4. The last is 1 instead of 2, for twice the resolution (Sun et al., ECCV 2018, Sec. 3.1)."""


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(_convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))


class InstanceBatchNorm(nn.Module):
    """IBN-a: instance normalisation for the first half of the channels, BN for the rest (Pan et al., ECCV 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.instance_channels = channels // 2
        self.IN = nn.InstanceNorm2d(self.instance_channels, affine=True)
        self.BN = nn.BatchNorm2d(channels - self.instance_channels)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) to the same shape."""
        instance, batch = features.split((self.instance_channels, features.shape[1] - self.instance_channels), dim=1)
        return torch.cat((self.IN(instance), self.BN(batch)), dim=1)


def _norm(channels: int, ibn: bool) -> nn.Module:
    return InstanceBatchNorm(channels) if ibn else nn.BatchNorm2d(channels)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int, ibn: bool = False) -> None:
        super().__init__()
        self.conv1 = _convolution(inputs, width, 3, stride)
        self.bn1 = _norm(width, ibn)
        self.conv2 = _convolution(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        """(B, inputs, h, w) to (B, width, h / stride, w / stride)."""
        shortcut = features if self.downsample is None else self.downsample(features)
        features = self.relu(self.bn1(self.conv1(features)))
        return self.relu(self.bn2(self.conv2(features)) + shortcut)


class Bottleneck(nn.Module):
    """1x1, 3x3 (with the stride) and 1x1 convolutions and a shortcut."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, ibn: bool = False) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1 = _convolution(inputs, width, 1)
        self.bn1 = _norm(width, ibn)
        self.conv2 = _convolution(width, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = _convolution(width, outputs, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _shortcut(inputs, outputs, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        """(B, inputs, h, w) to (B, 4 width, h / stride, w / stride)."""
        shortcut = features if self.downsample is None else self.downsample(features)
        features = self.relu(self.bn1(self.conv1(features)))
        features = self.relu(self.bn2(self.conv2(features)))
        return self.relu(self.bn3(self.conv3(features)) + shortcut)


class ResNet(nn.Module):
    """(B, 3, H, W) normalised images to (B, ``channels``, H / 16, W / 16) features.

    ``first`` and ``last`` select a part of the ResNet: stage 0 is the stem, 1..4 are the residual stages. A part takes
    the features of the stage before it.
    """

    def __init__(self, spec: TrunkSpec, first: int = 0, last: int = 4, last_stride: int = STAGE_STRIDES[-1]) -> None:
        super().__init__()
        block = BasicBlock if spec.block == "basic" else Bottleneck
        self.has_stem = first == 0
        if self.has_stem:
            self.conv1 = _convolution(3, spec.width, 7, stride=2)
            self.bn1 = nn.BatchNorm2d(spec.width)
            self.relu = nn.ReLU(inplace=True)
            self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stages = tuple(range(max(first, 1), last + 1))
        strides = (*STAGE_STRIDES[:-1], last_stride)
        for stage in self.stages:
            width, inputs = spec.width * 2 ** (stage - 1), spec.stage_channels[stage - 1]
            ibn = spec.ibn and stage < len(STAGE_STRIDES)
            blocks = [block(inputs, width, strides[stage - 1], ibn)]
            blocks += [block(width * block.expansion, width, 1, ibn) for _ in range(spec.depths[stage - 1] - 1)]
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
        self.stage_channels = spec.stage_channels[1:]
        self.channels = spec.stage_channels[last]
        self.attention = nn.ModuleList(nn.Identity() for _ in self.stages)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def add_spatial_attention(self, height: int, width: int) -> None:
        """Add RGA-S after each stage, for images of ``height`` x ``width`` pixels."""
        # The stem has two strides; each halves and rounds up.
        rows, columns = -(-height // 4), -(-width // 4)
        gates = []
        for channels, stride in zip(self.stage_channels, STAGE_STRIDES, strict=True):
            rows, columns = -(-rows // stride), -(-columns // stride)
            gates.append(SpatialAttention(channels, rows, columns))
        self.attention = nn.ModuleList(gates)

    def forward(self, features: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, channels, H / 16, W / 16). A part takes the features of the stage before it."""
        if self.has_stem:
            features = self.maxpool(self.relu(self.bn1(self.conv1(features))))
        for stage, attention in zip(self.stages, self.attention, strict=True):
            features = attention(cast(nn.Module, getattr(self, f"layer{stage}"))(features))
        return features


Trunk = ResNet | StagedNetwork | WholeNetwork


def trunk_part(name: str, first: int, last: int, last_stride: int = STAGE_STRIDES[-1]) -> Trunk:
    """Part of a trunk, initialised from scratch. It has ``channels`` output channels.

    Args:
        name: Name of the trunk in the catalogue, ``torchvision:NAME`` or ``timm:NAME``.
        first: First stage: 0 is the stem, 1..4 are the stages after it.
        last: Last stage.
        last_stride: Stride of stage 4.

    Raises:
        BadInput: The name is unknown, or the trunk has no such stage.
    """
    spec = trunk_spec(name)
    if isinstance(spec, NetworkSpec):
        return network_part(name, spec, first, last, last_stride)
    return ResNet(spec, first, last, last_stride)


def resnet_part(name: str, first: int, last: int, last_stride: int = STAGE_STRIDES[-1]) -> ResNet:
    """Part of a ResNet, for a method that cuts between the blocks of a stage; arguments as of ``trunk_part``.

    Raises BadInput if the name is unknown or no ResNet of the catalogue.
    """
    return ResNet(resnet_spec(name), first, last, last_stride)


def build_backbone(
    name: str, spatial_attention: AttentionKind = "none", height: int | None = None, width: int | None = None
) -> Trunk:
    """A whole trunk with ``channels`` output channels, initialised from scratch.

    Args:
        name: Name of the trunk in the catalogue, ``torchvision:NAME`` or ``timm:NAME``.
        spatial_attention: ``rga_s`` adds RGA-S after each of the four stages.
        height: Height of the images in pixels, for RGA-S; by default from the catalogue.
        width: Width of the images in pixels, likewise.

    Raises:
        BadInput: The name is unknown, or there is nowhere to add RGA-S.
    """
    trunk = trunk_part(name, 0, 4)
    if spatial_attention == "rga_s":
        size = trunk_spec(name).input_size
        rows, columns = height or (size and size[0]), width or (size and size[1])
        if isinstance(trunk, WholeNetwork) or rows is None or columns is None:
            raise BadInput(
                f"spatial attention is built for stages and images of a size that the catalogue names, and backbone "
                f"{name!r} lacks one of them; use mobilenet_v2 or a ResNet of the catalogue"
            )
        trunk.add_spatial_attention(rows, columns)
    return trunk
