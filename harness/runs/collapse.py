"""The losses of a collapsed network: every image has the same feature, and every identity the same chance."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from harness.evaluation.degeneracy import CollapsedLosses
from harness.models.reid import ReIDModel
from harness.recipe import Recipe
from harness.training.batches import Input, TrainingData
from harness.training.machine import Machine
from harness.training.step import in_float32, with_each_tensor
from harness.training.trial import left_as_it_was


def collapsed_losses(
    model: ReIDModel, data: TrainingData, recipe: Recipe, seed: int, machine: Machine
) -> CollapsedLosses:
    """The method's own losses where all its features and logits are 0. The network and random streams stay as they are.

    Args:
        model: The network, on the machine's device.
        data: The training split.
        recipe: How it is trained.
        seed: Training seed.
        machine: Device and precision.
    """
    source = Input(data, recipe, seed, machine.device)
    rows = source.rows(0)
    batch = next(source.batches(0, rows))
    with left_as_it_was(model, machine.device), torch.no_grad():
        model.train()
        with machine.autocast():
            features = in_float32(model.forward(batch))
        losses = model.losses(with_each_tensor(features, _collapsed), batch)
    return CollapsedLosses(
        {name: float(loss) for name, loss in losses.items()}, _warmup_epochs(recipe, len(rows)), recipe.epochs
    )


def _collapsed(tensor: Tensor) -> Tensor:
    return torch.zeros_like(tensor) if tensor.is_floating_point() else tensor


def _warmup_epochs(recipe: Recipe, iterations: int) -> int:
    warmup = recipe.schedule.warmup
    if warmup is None:
        return 0
    return math.ceil(warmup.length / (iterations if warmup.unit == "iterations" else 1))
