"""Optimiser and learning-rate schedule of a recipe.

The schedule is a function of epoch and iteration, not a torch.optim.lr_scheduler: a checkpoint needs no state of it,
and the papers' warm-ups step by iteration while the rest steps by epoch, which a SequentialLR cannot.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from harness.errors import BadInput
from harness.recipe import Optimiser, Schedule


def build_optimiser(model: nn.Module, settings: Optimiser) -> torch.optim.Optimizer:
    """The optimiser with one parameter group a multiplier. ``group["factor"]`` scales the scheduled rate.

    Raises BadInput for a multiplier whose prefix no parameter has.
    """
    groups: dict[str, list[nn.Parameter]] = {prefix: [] for prefix, _ in settings.multipliers}
    groups[""] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups[next((prefix for prefix, _ in settings.multipliers if name.startswith(prefix)), "")].append(
                parameter
            )
    for prefix, _ in settings.multipliers:
        if not groups[prefix]:
            raise BadInput(f"the recipe multiplies the rate of {prefix!r}, and no parameter has that prefix")
    factors = {**dict(settings.multipliers), "": 1.0}
    described = [
        {"params": parameters, "lr": settings.rate * factors[prefix], "factor": factors[prefix]}
        for prefix, parameters in groups.items()
        if parameters
    ]
    if settings.name == "adam":
        return torch.optim.Adam(described, lr=settings.rate, weight_decay=settings.weight_decay)
    return torch.optim.SGD(
        described,
        lr=settings.rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        nesterov=settings.nesterov,
    )


def rate_factor(schedule: Schedule, epochs: int, epoch: int, iteration: int, iterations: int) -> float:
    """What the rate is multiplied by at ``iteration`` of the ``iterations`` of ``epoch`` (from 0), of ``epochs``."""
    warmup = schedule.warmup
    length = 0.0
    if warmup:
        length = warmup.length / (iterations if warmup.unit == "iterations" else 1)
        progress = epoch if warmup.each_epoch else epoch + iteration / iterations
        if progress < length:
            share = progress / length
            if warmup.shape == "exponential":
                return warmup.start ** (1 - share)
            return warmup.start + (1 - warmup.start) * share
    if schedule.cosine_to is not None:
        begun = math.ceil(length)
        # One step down already in the first whole epoch after the warm-up, so that the last epoch is at the floor.
        share = min(1.0, (epoch + 1 - begun) / max(1, epochs - begun))
        return schedule.cosine_to + (1 - schedule.cosine_to) * (1 + math.cos(math.pi * share)) / 2
    return schedule.gamma ** sum(epoch >= milestone for milestone in schedule.milestones)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give every group the base ``rate`` times its own factor."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]
