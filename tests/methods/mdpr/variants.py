"""MDPR's variants as its tests build them, on a small trunk, and a batch of noise."""

from __future__ import annotations

import torch
from torch import nn

from harness.models.reid import Batch
from methods.mdpr import METHOD, MDPRSwitches

IDENTITIES = 4
FULL = MDPRSwitches()
RELEASED = MDPRSwitches(variant="released")
UNFUSED = tuple(name for name in FULL.features if name != "fusion")
NEITHER = MDPRSwitches(distillation=False, fusion=False, features=UNFUSED)
HARD_ONLY = MDPRSwitches(distillation=False, fusion=False, branches=("hard",), features=UNFUSED[:3])
SOFT_ONLY = MDPRSwitches(distillation=False, fusion=False, branches=("soft",), features=UNFUSED[3:])
INDEPENDENT = MDPRSwitches(independent_networks=True)


def batch_of(images: int = 8, seed: int = 0) -> Batch:
    return Batch(
        images=torch.randn(images, 3, 64, 32, generator=torch.Generator().manual_seed(seed)),
        labels=torch.arange(images) // 2 % IDENTITIES,
        cameras=torch.zeros(images, dtype=torch.int64),
        indices=torch.arange(images),
    )


def build(switches: MDPRSwitches = FULL, identities: int = IDENTITIES, seed: int = 0):
    torch.manual_seed(seed)
    return METHOD.build(switches, identities, "resnet10_ibn_a")


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
