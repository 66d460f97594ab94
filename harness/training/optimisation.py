"""Optimiser and learning-rate schedule of a recipe."""

from __future__ import annotations

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


def rate_factor(schedule: Schedule, progress: float) -> float:
    """What the rate is multiplied by after ``progress`` epochs (fractional): linear warm-up, then steps."""
    if progress < schedule.warmup_epochs:
        return schedule.warmup_start + (1 - schedule.warmup_start) * progress / schedule.warmup_epochs
    return schedule.gamma ** sum(progress >= milestone for milestone in schedule.milestones)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give every group the base ``rate`` times its own factor."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]
