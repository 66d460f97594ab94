"""One training step: from a batch to its named losses, and an optimiser step on their sum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.models.reid import Batch, ReIDModel
from harness.recipe import Sampler
from harness.training.machine import Machine
from harness.training.sampler import shares
from harness.training.world import World


class LossNetwork(nn.Module):
    """A method's network and its losses as one module, as DistributedDataParallel requires."""

    def __init__(self, model: ReIDModel, machine: Machine, gatherer: BatchGatherer | None = None) -> None:
        super().__init__()
        self.model, self.machine, self.gatherer = model, machine, gatherer

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The named losses, in float32, on the features of all processes if there is a gatherer."""
        with self.machine.autocast():
            features = self.model(batch)
        features = in_float32(features)
        if self.gatherer:
            features, batch = self.gatherer.features(features), self.gatherer.batch(batch)
        return self.model.losses(features, batch)


class BatchGatherer:
    """Joins the shares of all processes in the order of the whole batch."""

    def __init__(self, sampler: Sampler, world: World) -> None:
        self.world, self.groups = world, sampler.groups
        self.order = torch.from_numpy(np.argsort(np.concatenate(shares(sampler, world.size))))

    def rows(self, own: Tensor) -> Tensor:
        """Rows of this process (b, ...) to the rows of the whole batch (B, ...)."""
        if own.dtype == torch.bool:
            return self.rows(own.to(torch.uint8)).bool()
        self.order = self.order.to(own.device)
        return self.world.gather_with_gradient(own)[self.order]

    def features(self, own: Any) -> Any:
        """Features of this process's share to features of the whole batch."""
        return with_each_tensor(own, self.rows)

    def batch(self, own: Batch) -> Batch:
        """The whole batch, without images: no loss reads them."""
        priors = {kind: self.rows(prior) for kind, prior in own.priors.items()}
        labels, cameras, indices = map(self.rows, (own.labels, own.cameras, own.indices))
        return Batch(own.images[:0], labels, cameras, indices, priors, self.groups)


def training_step(
    model: ReIDModel, batch: Batch, optimiser: torch.optim.Optimizer, machine: Machine
) -> dict[str, Tensor]:
    """Take one step, in one process, on the sum of the named losses.

    Args:
        model: The network.
        batch: A batch on the machine's device.
        optimiser: Its optimiser.
        machine: Device and precision.

    Returns:
        The named losses, detached.
    """
    return optimised(LossNetwork(model, machine), batch, optimiser)


def optimised(
    network: Callable[[Batch], dict[str, Tensor]], batch: Batch, optimiser: torch.optim.Optimizer
) -> dict[str, Tensor]:
    """Take one step on the sum of the losses that ``network`` returns for a batch. Returns the losses, detached."""
    losses = network(batch)
    optimiser.zero_grad(set_to_none=True)
    torch.stack(list(losses.values())).sum().backward()
    optimiser.step()
    return {name: value.detach() for name, value in losses.items()}


def in_float32(features: Any) -> Any:
    """Convert every floating-point tensor to float32, within the same dict, list, tuple or dataclass."""
    return with_each_tensor(features, lambda tensor: tensor.float() if tensor.is_floating_point() else tensor)


def with_each_tensor(features: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Apply ``change`` to every tensor within a dict, list, tuple or dataclass."""
    if isinstance(features, Tensor):
        return change(features)
    if isinstance(features, dict):
        return {name: with_each_tensor(value, change) for name, value in features.items()}
    if isinstance(features, (list, tuple)):
        return type(features)(with_each_tensor(value, change) for value in features)
    if is_dataclass(features) and not isinstance(features, type):
        changed = {part.name: with_each_tensor(getattr(features, part.name), change) for part in fields(features)}
        return replace(features, **changed)
    return features
