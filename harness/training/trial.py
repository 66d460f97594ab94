"""The trial of bfloat16: on some processors PyTorch multiplies it wrongly, at random or always.

One batch goes through the network twice in bfloat16 and once in float32. bfloat16 is trusted if it gives the same bits
twice, and comes as close to float32 as its eight bits allow. The trial leaves the network and the random streams as
they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn

from harness.machine.computation import Distrust
from harness.machine.memory import new_tensors
from harness.models.reid import Batch, ReIDModel
from harness.training.machine import Machine
from harness.training.step import in_float32, with_each_tensor

LOSS_BOUND = 0.3
"""Greatest difference of a loss from float32, as a share of the loss or, for losses below 1, as it is."""

FEATURE_BOUND = 0.3
"""Greatest difference of a tensor of features from float32, as a share of its length."""

Results = dict[str, Tensor]
"""Losses by name, and features by name or number."""


def try_training(model: ReIDModel, batch: Batch, machine: Machine, seed: int) -> Distrust | None:
    """Try the machine's bfloat16 on the forward pass and losses of a training batch.

    Args:
        model: The network, on the machine's device.
        batch: A batch of this process, there as well.
        machine: A machine that computes in bfloat16.
        seed: Of the random streams that ``forward`` draws from.

    Returns:
        Why bfloat16 is not to be trusted; None if it is.
    """

    def results(tried: Machine) -> tuple[Results, Results]:
        with left_as_it_was(model, tried.device):
            torch.manual_seed(seed)
            model.train()
            with tried.autocast():
                # Not model(batch): that may be compiled, which is not tried.
                features = in_float32(model.forward(batch))
            losses = model.losses(features, batch)
            return {name: loss.detach() for name, loss in losses.items()}, _numbered(features)

    return _distrust(results, machine)


def try_embedding(model: ReIDModel, images: Tensor, priors: Mapping[str, Tensor], machine: Machine) -> Distrust | None:
    """Try the machine's bfloat16 on the test features of normalised images; see ``try_training``."""

    def results(tried: Machine) -> tuple[Results, Results]:
        with left_as_it_was(model, tried.device), torch.inference_mode():
            model.eval()
            with tried.autocast():
                return {}, {name: found.float() for name, found in model.embed(images, priors).items()}

    return _distrust(results, machine)


def _distrust(results: Callable[[Machine], tuple[Results, Results]], machine: Machine) -> Distrust | None:
    # What reads memory that nobody wrote reads NaN there, and is found.
    with new_tensors(filled=True):
        first, again, exact = (results(each) for each in (machine, machine, replace(machine, bfloat16=False)))
    for tried, repeated in zip(first, again, strict=True):
        for name, value in tried.items():
            if not torch.isfinite(value).all():
                return {"sign": "not finite", "where": name, "difference": None, "bound": None}
            if not torch.equal(value, repeated[name]):
                return {"sign": "not repeatable", "where": name, "difference": None, "bound": None}
    rules = ((LOSS_BOUND, 1.0), (FEATURE_BOUND, 0.0))
    for tried, reference, (bound, at_least) in zip(first, exact, rules, strict=True):
        for name, value in tried.items():
            difference = _difference(value, reference[name], at_least)
            if difference > bound:
                return {"sign": "far from float32", "where": name, "difference": difference, "bound": bound}
    return None


def _difference(value: Tensor, reference: Tensor, at_least: float) -> float:
    """Length of the difference as a share of the reference's length, or of ``at_least`` if that is greater."""
    length = reference.norm().clamp(min=max(at_least, torch.finfo(reference.dtype).tiny))
    return float((value - reference).norm() / length)


def _numbered(features: object) -> Results:
    """The floating-point tensors within the features of a training step."""
    found: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        found.append(tensor.detach())
        return tensor

    with_each_tensor(features, keep)
    return {f"feature tensor {number}": each for number, each in enumerate(found, 1) if each.is_floating_point()}


@contextmanager
def left_as_it_was(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Restore afterwards what a step changes besides the weights: buffers, modes and random streams."""
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    modes = [(module, module.training) for module in model.modules()]
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            for name, buffer in model.named_buffers():
                buffer.copy_(buffers[name])
            for module, mode in modes:
                module.training = mode
