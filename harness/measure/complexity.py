"""What methods cost beside each other: parameters, and time an image, measured in turns in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from harness.measure.abstract import blank_images, blank_priors
from harness.measure.latency import timed
from harness.measure.parameters import count_parameters
from harness.method import Method
from harness.models.reid import Batch
from harness.training.machine import Machine
from harness.training.optimisation import build_optimiser
from harness.training.step import training_step

DATASET = "market1501"
IDENTITIES = 751
"""Of Market-1501's training set; the classifiers of a training step are as wide."""
BUDGET_S = 40.0
FEWEST_TURNS, MOST_TURNS = 3, 20


@dataclass(frozen=True)
class Subject:
    """A variant of a method, measured by its paper's recipe."""

    method: Method
    switches: Any


def measured_complexity(
    subjects: Sequence[Subject], batch: int, machine: Machine, budget_s: float = BUDGET_S
) -> list[dict[str, dict[str, float]]]:
    """What each subject costs in ``training`` and ``testing``: ``params_m`` and ``time_ms``.

    Parameters are the learnable ones without classifiers, in millions; in testing those that the feature depends on.
    Times are medians, in milliseconds an image: of whole training steps, and of embedding a batch. The subjects take
    turns, so that whatever else slows the machine down slows all of them; each of both rounds takes ``budget_s``.
    """
    prepared = [_Prepared(subject, batch, machine) for subject in subjects]
    training = _in_turns([each.train for each in prepared], machine, budget_s)
    testing = _in_turns([each.embed for each in prepared], machine, budget_s)
    return [
        {
            "training": {"params_m": each.parameters["training_without_classifiers"] / 1e6, "time_ms": train / batch},
            "testing": {"params_m": each.parameters["inference"] / 1e6, "time_ms": embed / batch},
        }
        for each, train, embed in zip(prepared, training, testing, strict=True)
    ]


class _Prepared:
    """A subject's network, optimiser and a batch of noise, on the machine's device."""

    def __init__(self, subject: Subject, batch: int, machine: Machine) -> None:
        method, switches = subject.method, subject.switches
        recipe = method.recipe(switches, DATASET, "paper")
        self.machine = machine
        torch.manual_seed(0)
        self.model = machine.place(method.build(switches, IDENTITIES, recipe.backbone))
        self.optimiser = build_optimiser(self.model, recipe.optimiser)
        needs, device = method.priors(switches), machine.device
        self.parameters = count_parameters(
            self.model, recipe.height, recipe.width, needs.inference, method.embedding(switches)
        )
        self.priors = blank_priors(batch, device, needs.inference)
        # Not blank ones: where all activations are equal, gradients become so small that processors slow down.
        images = torch.randn_like(blank_images(batch, recipe.height, recipe.width, device))
        # Pairs of images of an identity, so that every loss has something to compare.
        labels = torch.arange(batch, device=device) // 2
        rows = torch.arange(batch, device=device)
        self.batch = Batch(images, labels, torch.ones_like(rows), rows, blank_priors(batch, device, needs.training))

    def train(self) -> None:
        """One step."""
        self.model.train()
        training_step(self.model, self.batch, self.optimiser, self.machine)

    @torch.inference_mode()
    def embed(self) -> None:
        """The test features of the batch."""
        self.model.eval()
        with self.machine.autocast():
            self.model.embed(self.batch.images, self.priors)


def _in_turns(actions: Sequence[Callable[[], None]], machine: Machine, budget_s: float) -> list[float]:
    """Median milliseconds of each action, run one after the other again and again, after one turn to warm up."""
    for action in actions:
        action()
    seconds: list[list[float]] = [[] for _ in actions]
    started = time.perf_counter()
    while len(seconds[0]) < FEWEST_TURNS or (len(seconds[0]) < MOST_TURNS and time.perf_counter() - started < budget_s):
        for action, taken in zip(actions, seconds, strict=True):
            taken.append(timed(action, machine.device))
    return [statistics.median(taken) * 1000 for taken in seconds]
