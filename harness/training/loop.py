"""Train one run: the same loop for every method, on one process or several."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from harness.errors import NonFiniteLoss
from harness.models.reid import ReIDModel
from harness.recipe import Recipe
from harness.training import checkpoint
from harness.training.batches import Input, TrainingData
from harness.training.log import TrainingLog, empty_log
from harness.training.machine import Machine
from harness.training.optimisation import build_optimiser, rate_factor, set_rate
from harness.training.seeds import derived_seed
from harness.training.step import Gathering, LossNetwork, optimised
from harness.training.stopping import asked_to_stop
from harness.training.world import World

LOOK_EVERY = 25
"""Iterations between looks at the loss, and at what the other processes say, since each look makes a GPU wait."""


@dataclass
class TrainingState:
    """How far a training has come: whole epochs with their log, and of the epoch under way the iterations done."""

    epoch: int = 0
    iteration: int = 0
    log: TrainingLog = field(default_factory=empty_log)
    sums: dict[str, Tensor] = field(default_factory=dict)
    """Sum of each named loss over the iterations of the epoch under way."""
    seconds: float = 0.0
    """Spent on them."""


def train(
    model: ReIDModel,
    data: TrainingData,
    recipe: Recipe,
    seed: int,
    machine: Machine,
    checkpoint_path: Path,
    epoch_done: Callable[[int, TrainingLog], None],
    world: World | None = None,
    sync_batch_norm: bool = False,
) -> TrainingLog:
    """Train ``model`` in place, from the last checkpoint if there is one; ``epoch_done`` hears of each epoch.

    Every process of ``world`` calls it with the same arguments. Returns the log: per epoch the mean of the loss and of
    each named loss, learning rate, images/s and seconds. Raises NonFiniteLoss; on SIGTERM and Ctrl-C KeyboardInterrupt,
    once a checkpoint is written.
    """
    training = _Training(model, data, recipe, seed, machine, world or World(), checkpoint_path, sync_batch_norm)
    progress = training.resumed()
    with asked_to_stop() as stop:
        while progress.epoch < recipe.epochs:
            training.epoch(progress, stop)
            training.save(progress)
            epoch_done(progress.epoch, progress.log)
    return progress.log


class _Training:
    """What stays the same from epoch to epoch."""

    def __init__(
        self,
        model: ReIDModel,
        data: TrainingData,
        recipe: Recipe,
        seed: int,
        machine: Machine,
        world: World,
        checkpoint_path: Path,
        sync_batch_norm: bool,
    ) -> None:
        self.recipe, self.seed, self.machine, self.world = recipe, seed, machine, world
        self.checkpoint_path = checkpoint_path
        self.input = Input(data, recipe, seed, machine.device, world)
        if sync_batch_norm:
            # In place but for the outermost module, which is never a BN itself.
            nn.SyncBatchNorm.convert_sync_batchnorm(model)
        self.model = machine.place(model)
        self.optimiser = build_optimiser(model, recipe.optimiser)
        gathering = Gathering(recipe.sampler, world) if world.size > 1 and recipe.losses_over == "gathered" else None
        if machine.compiled:
            model.compile()
        self.network: nn.Module = LossNetwork(model, machine, gathering)
        if world.size > 1:
            # A variant may leave some of its network's parameters without a loss.
            self.network = DistributedDataParallel(self.network, find_unused_parameters=True)

    def resumed(self) -> TrainingState:
        """Where the last whole checkpoint leaves off, or the beginning."""
        state = checkpoint.load(self.checkpoint_path, self.model, self.optimiser)
        if state is None:
            return TrainingState()
        progress = TrainingState(**state)
        progress.sums = {name: total.to(self.machine.device) for name, total in progress.sums.items()}
        return progress

    def save(self, progress: TrainingState) -> None:
        """Write a checkpoint; every process waits until it is there."""
        if self.world.is_leader:
            checkpoint.save(self.checkpoint_path, self.model, self.optimiser, vars(progress))
        self.world.barrier()

    def epoch(self, progress: TrainingState, stop: Callable[[], bool]) -> None:
        """Train the epoch under way to its end."""
        self.model.train()
        epoch = progress.epoch
        rows = self.input.rows(epoch)
        started = time.perf_counter() - progress.seconds
        for batch in self.input.batches(epoch, rows, progress.iteration):
            torch.manual_seed(derived_seed(self.seed, "model", epoch, progress.iteration, self.world.rank))
            set_rate(self.optimiser, self._rate(epoch, progress.iteration, len(rows)))
            for name, value in optimised(self.network, batch, self.optimiser).items():
                progress.sums[name] = progress.sums.get(name, torch.zeros((), device=value.device)) + value
            progress.iteration += 1
            self._look(progress, len(rows), stop, started)
        means = {name: float(self.world.mean(total)) / len(rows) for name, total in progress.sums.items()}
        _write_down(progress, means, self._rate(epoch, len(rows) - 1, len(rows)), sum(map(len, rows)))
        self.model.end_epoch(means)

    def _rate(self, epoch: int, iteration: int, iterations: int) -> float:
        recipe = self.recipe
        return recipe.optimiser.rate * rate_factor(recipe.schedule, recipe.epochs, epoch, iteration, iterations)

    def _look(self, progress: TrainingState, iterations: int, stop: Callable[[], bool], started: float) -> None:
        """Raise NonFiniteLoss, or KeyboardInterrupt where a process was asked to stop, after a checkpoint."""
        due = progress.iteration % LOOK_EVERY == 0 or progress.iteration == iterations
        if due:
            _require_finite(progress.sums, progress.epoch, progress.iteration)
        # After that look, which waits for the work that a GPU has been given and not done yet.
        progress.seconds = time.perf_counter() - started
        # The CPU waits for nothing when it looks, and its iterations are long.
        if (due or self.machine.device.type == "cpu") and self.world.any(stop(), self.machine.device):
            self.save(progress)
            raise KeyboardInterrupt


def _write_down(progress: TrainingState, means: Mapping[str, float], rate: float, images: int) -> None:
    """End the epoch under way."""
    log = progress.log
    log["epoch"].append(progress.epoch + 1)
    log["loss"].append(sum(means.values()))
    for name, mean in means.items():
        log["losses"].setdefault(name, []).append(mean)
    log["rate"].append(rate)
    log["images_per_second"].append(images / progress.seconds)
    log["seconds"].append(progress.seconds)
    progress.epoch, progress.iteration, progress.sums, progress.seconds = progress.epoch + 1, 0, {}, 0.0


def _require_finite(sums: Mapping[str, Tensor], epoch: int, iterations: int) -> None:
    broken = [name for name, total in sums.items() if not torch.isfinite(total)]
    if broken:
        raise NonFiniteLoss(f"{', '.join(broken)} not finite in epoch {epoch + 1}, by iteration {iterations}")
