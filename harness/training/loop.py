"""The training loop: the same for every method, in one process or several."""

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
from harness.training.step import BatchGatherer, LossNetwork, optimised
from harness.training.stopping import watch_stop_signals
from harness.training.world import World

CHECK_EVERY_ITERATIONS = 25
"""How often to check the loss and the stop signals of all processes; each check makes a GPU wait."""


@dataclass
class TrainingState:
    """Progress of a training: finished epochs with their log, and finished iterations of the current epoch."""

    epoch: int = 0
    iteration: int = 0
    log: TrainingLog = field(default_factory=empty_log)
    sums: dict[str, Tensor] = field(default_factory=dict)
    """Sum of each named loss over the finished iterations of the current epoch."""
    seconds: float = 0.0
    """Time spent on these iterations."""


def train(
    model: ReIDModel,
    data: TrainingData,
    recipe: Recipe,
    seed: int,
    machine: Machine,
    checkpoint_path: Path,
    on_epoch_end: Callable[[int, TrainingLog], None],
    world: World | None = None,
    sync_batch_norm: bool = False,
) -> TrainingLog:
    """Train ``model`` in place, from the last checkpoint if there is one.

    Every process of ``world`` calls this function with the same arguments.

    Args:
        model: The network, with its initial weights.
        data: The training split.
        recipe: How to train.
        seed: Training seed.
        machine: Device and precision.
        checkpoint_path: File of the checkpoint, written after each epoch.
        on_epoch_end: Called after each epoch with the number of finished epochs and the log.
        world: The processes that train together; by default one process.
        sync_batch_norm: Whether BN uses the statistics of all processes.

    Returns:
        The log: per epoch the mean loss, the mean of each named loss, learning rate, images/s and seconds.

    Raises:
        NonFiniteLoss: A loss became NaN or infinite.
        KeyboardInterrupt: SIGTERM or Ctrl-C arrived; a checkpoint has been written.
    """
    training = _Training(model, data, recipe, seed, machine, world or World(), checkpoint_path, sync_batch_norm)
    progress = training.restore()
    with watch_stop_signals() as stop_requested:
        while progress.epoch < recipe.epochs:
            training.epoch(progress, stop_requested)
            training.save(progress)
            on_epoch_end(progress.epoch, progress.log)
    return progress.log


class _Training:
    """The parts of a training that stay the same in all epochs."""

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
            # Converts in place, except for the outermost module, which is never a BN itself.
            nn.SyncBatchNorm.convert_sync_batchnorm(model)
        self.model = machine.place(model)
        self.optimiser = build_optimiser(model, recipe.optimiser)
        gatherer = BatchGatherer(recipe.sampler, world) if world.size > 1 and recipe.losses_over == "gathered" else None
        if machine.compiled:
            model.compile()
        self.network: nn.Module = LossNetwork(model, machine, gatherer)
        if world.size > 1:
            # In some variants a parameter has no loss.
            self.network = DistributedDataParallel(self.network, find_unused_parameters=True)

    def restore(self) -> TrainingState:
        """Restore the last intact checkpoint; without one, start at the beginning."""
        state = checkpoint.load(self.checkpoint_path, self.model, self.optimiser)
        if state is None:
            return TrainingState()
        progress = TrainingState(**state)
        progress.sums = {name: total.to(self.machine.device) for name, total in progress.sums.items()}
        return progress

    def save(self, progress: TrainingState) -> None:
        """Write a checkpoint; every process waits until it is written."""
        if self.world.is_leader:
            checkpoint.save(self.checkpoint_path, self.model, self.optimiser, vars(progress))
        self.world.barrier()

    def epoch(self, progress: TrainingState, stop_requested: Callable[[], bool]) -> None:
        """Train the rest of the current epoch."""
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
            self._check(progress, len(rows), stop_requested, started)
        means = {name: float(self.world.mean(total)) / len(rows) for name, total in progress.sums.items()}
        _log_epoch(progress, means, self._rate(epoch, len(rows) - 1, len(rows)), sum(map(len, rows)))
        self.model.end_epoch(means)

    def _rate(self, epoch: int, iteration: int, iterations: int) -> float:
        recipe = self.recipe
        return recipe.optimiser.rate * rate_factor(recipe.schedule, recipe.epochs, epoch, iteration, iterations)

    def _check(
        self, progress: TrainingState, iterations: int, stop_requested: Callable[[], bool], started: float
    ) -> None:
        """Raise NonFiniteLoss, or, after writing a checkpoint, KeyboardInterrupt if any process was asked to stop."""
        due = progress.iteration % CHECK_EVERY_ITERATIONS == 0 or progress.iteration == iterations
        if due:
            _require_finite(progress.sums, progress.epoch, progress.iteration)
        # Taken after that check, which waits until the GPU has finished its work.
        progress.seconds = time.perf_counter() - started
        # On the CPU a check costs nothing and iterations are long, so check every time.
        if (due or self.machine.device.type == "cpu") and self.world.any(stop_requested(), self.machine.device):
            self.save(progress)
            raise KeyboardInterrupt


def _log_epoch(progress: TrainingState, means: Mapping[str, float], rate: float, images: int) -> None:
    """Append the finished epoch to the log and start the next."""
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
