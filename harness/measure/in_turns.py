"""What methods cost beside each other: parameters, and time an image or a query, measured in turns in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from harness.measure.abstract import blank_images, blank_priors
from harness.measure.latency import timed
from harness.measure.parameters import count_parameters
from harness.method import Method
from harness.models.reid import Batch, ReIDModel
from harness.recipe import Recipe
from harness.results.record import CostOfRow
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
) -> list[dict[str, CostOfRow]]:
    """What each subject costs in ``training`` and ``testing``: ``params_m`` and ``time_ms``.

    Parameters are the learnable ones without classifiers, in millions; in testing those that the feature depends on.
    Times are medians, in milliseconds an image: of whole training steps, and of embedding a batch. The subjects take
    turns, so that whatever else slows the machine down slows all of them. Each of both rounds begins no turn after
    ``budget_s``, but takes 3 turns at least and 20 at most.
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


def measured_queries(
    subjects: Sequence[Subject], dataset: str, gallery: int, machine: Machine, budget_s: float = BUDGET_S
) -> list[CostOfRow]:
    """What a query costs each subject, by its recipe for ``dataset``: ``params_m`` and ``time_ms``.

    Parameters are those that the feature depends on, in millions. A time is the median, in milliseconds, of one image
    to its feature, without flip, its cosine similarity with ``gallery`` features as wide, and a full sort of these. The
    subjects take turns: no turn begins after ``budget_s``, but there are 3 at least and 20 at most.
    """
    queries = [_Query(subject, dataset, gallery, machine) for subject in subjects]
    times = _in_turns([each.ranked for each in queries], machine, budget_s)
    return [{"params_m": each.parameters / 1e6, "time_ms": time} for each, time in zip(queries, times, strict=True)]


def _built(subject: Subject, dataset: str, machine: Machine) -> tuple[ReIDModel, Recipe]:
    """A subject's network on the machine's device, and its recipe for a dataset."""
    recipe = subject.method.recipe(subject.switches, dataset, "paper")
    torch.manual_seed(0)
    return machine.place(subject.method.build(subject.switches, IDENTITIES, recipe.backbone)), recipe


def _noise(images: int, recipe: Recipe, device: torch.device) -> Tensor:
    # Not blank images: where all activations are equal, gradients become so small that processors slow down.
    return torch.randn_like(blank_images(images, recipe.height, recipe.width, device))


class _Prepared:
    """A subject's network, optimiser and a batch of noise, on the machine's device."""

    def __init__(self, subject: Subject, batch: int, machine: Machine) -> None:
        method, switches = subject.method, subject.switches
        self.machine = machine
        self.model, recipe = _built(subject, DATASET, machine)
        self.optimiser = build_optimiser(self.model, recipe.optimiser)
        needs, device = method.priors(switches), machine.device
        self.parameters = count_parameters(
            self.model, recipe.height, recipe.width, needs.inference, method.embedding(switches)
        )
        self.priors = blank_priors(batch, device, needs.inference)
        images = _noise(batch, recipe, device)
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


class _Query:
    """A subject's network, an image of noise, and a gallery of random unit features, on the machine's device."""

    def __init__(self, subject: Subject, dataset: str, gallery: int, machine: Machine) -> None:
        method, switches, device = subject.method, subject.switches, machine.device
        self.machine = machine
        self.model, recipe = _built(subject, dataset, machine)
        self.model.eval()
        self.embedding = method.embedding(switches)
        needed = method.priors(switches).inference
        counts = count_parameters(self.model, recipe.height, recipe.width, needed, self.embedding)
        self.parameters = counts["inference"]
        self.image, self.priors = _noise(1, recipe, device), blank_priors(1, device, needed)
        self.gallery = torch.randn(gallery, len(self.feature()), device=device)
        # In place: a PCB's gallery of Occluded-Duke is 0.9 GB.
        self.gallery /= self.gallery.norm(dim=1, keepdim=True)

    @torch.inference_mode()
    def feature(self) -> Tensor:
        """The unit test feature of the image, (D,)."""
        with self.machine.autocast():
            found = self.model.embed(self.image, self.priors)
        return F.normalize(torch.cat([found[name][0].float() for name in self.embedding.split("+")]), dim=0)

    @torch.inference_mode()
    def ranked(self) -> Tensor:
        """The places of all gallery features, the nearest to the image first."""
        return (self.gallery @ self.feature()).argsort(descending=True)


def _in_turns(actions: Sequence[Callable[[], Any]], machine: Machine, budget_s: float) -> list[float]:
    """Median milliseconds of each action, run one after the other again and again, after one turn to warm up."""
    for action in actions:
        action()
    seconds: list[list[float]] = [[] for _ in actions]
    started = time.perf_counter()
    while len(seconds[0]) < FEWEST_TURNS or (len(seconds[0]) < MOST_TURNS and time.perf_counter() - started < budget_s):
        for action, taken in zip(actions, seconds, strict=True):
            taken.append(timed(action, machine.device))
    return [statistics.median(taken) * 1000 for taken in seconds]
