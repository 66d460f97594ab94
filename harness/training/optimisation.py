"""The optimiser and the learning-rate schedule of a recipe.

The schedule is a function of epoch and iteration, not a torch.optim.lr_scheduler: a checkpoint needs no state of it,
and the papers' warm-ups step per iteration while the rest steps per epoch, which a SequentialLR cannot.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from harness.errors import BadInput
from harness.recipe import Optimiser, Schedule


def build_optimiser(model: nn.Module, settings: Optimiser) -> torch.optim.Optimizer:
    """The optimiser, with one parameter group per multiplier. ``group["factor"]`` scales the scheduled rate.

    Raises BadInput for a multiplier whose prefix matches no parameter.
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
            raise BadInput(
                f"the recipe multiplies the rate of parameters that begin with {prefix!r}, but there are none; correct "
                "the prefix or drop it"
            )
    factors = {**dict(settings.multipliers), "": 1.0}
    parameter_groups = [
        {"params": parameters, "lr": settings.rate * factors[prefix], "factor": factors[prefix]}
        for prefix, parameters in groups.items()
        if parameters
    ]
    if settings.name == "adam":
        return torch.optim.Adam(parameter_groups, lr=settings.rate, weight_decay=settings.weight_decay)
    return torch.optim.SGD(
        parameter_groups,
        lr=settings.rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        nesterov=settings.nesterov,
    )


def rate_factor(schedule: Schedule, epochs: int, epoch: int, iteration: int, iterations: int) -> float:
    """The factor on the base learning rate.

    Args:
        schedule: Warm-up and decay.
        epochs: Epochs of the training.
        epoch: The current epoch, from 0.
        iteration: The current iteration of the epoch, from 0.
        iterations: Iterations per epoch.

    Examples:
        >>> from harness.recipe import Schedule, Warmup
        >>> schedule = Schedule(milestones=(40, 70), gamma=0.1, warmup=Warmup(length=10, start=0.1))
        >>> [round(rate_factor(schedule, 120, epoch, 0, 100), 4) for epoch in (0, 5, 10, 40, 70)]
        [0.1, 0.55, 1.0, 0.1, 0.01]
    """
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
        # The first whole epoch after the warm-up is already one step down, so that the last epoch is at the floor.
        share = min(1.0, (epoch + 1 - begun) / max(1, epochs - begun))
        return schedule.cosine_to + (1 - schedule.cosine_to) * (1 + math.cos(math.pi * share)) / 2
    return schedule.gamma ** sum(epoch >= milestone for milestone in schedule.milestones)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the rate of every group to the base ``rate`` times its own factor."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]
