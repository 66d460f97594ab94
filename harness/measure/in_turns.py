"""Costs of several methods, measured in turns in one process: parameters, and time per image or per query."""

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
from harness.measure.latency import seconds_taken
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
"""Identities in Market-1501's training set: the classifiers of a training step have this width."""
BUDGET_S = 40.0
MIN_TURNS, MAX_TURNS = 3, 20


@dataclass(frozen=True)
class Subject:
    """A variant of a method, measured by its paper's recipe."""

    method: Method
    switches: Any


def costs_in_turns(
    subjects: Sequence[Subject], batch: int, machine: Machine, budget_s: float = BUDGET_S
) -> list[dict[str, CostOfRow]]:
    """Cost of each subject in ``training`` and ``testing``: ``params_m`` and ``time_ms``.

    Subjects take turns, so that anything that slows the machine slows them all. Training and testing each start no
    turn after ``budget_s`` seconds, but take at least 3 and at most 20 turns.

    Args:
        subjects: Variants to compare.
        batch: Images per batch.
        machine: Device and precision.
        budget_s: Seconds for training, and again for testing.

    Returns:
        Per subject: the learnable parameters without classifiers, in millions (in testing, the parameters that the
        feature depends on), and the median time in milliseconds per image of training steps and of embedding batches.
    """
    prepared = [_PreparedSubject(subject, batch, machine) for subject in subjects]
    training = _median_ms_in_turns([each.train for each in prepared], machine, budget_s)
    testing = _median_ms_in_turns([each.embed for each in prepared], machine, budget_s)
    return [
        {
            "training": {"params_m": each.parameters["training_without_classifiers"] / 1e6, "time_ms": train / batch},
            "testing": {"params_m": each.parameters["inference"] / 1e6, "time_ms": embed / batch},
        }
        for each, train, embed in zip(prepared, training, testing, strict=True)
    ]


def query_costs_in_turns(
    subjects: Sequence[Subject], dataset: str, gallery: int, machine: Machine, budget_s: float = BUDGET_S
) -> list[CostOfRow]:
    """Cost of one query per subject, with the recipe for ``dataset``: ``params_m`` and ``time_ms``.

    A query embeds one image without flip, computes its cosine similarity with all gallery features, and sorts them.

    Args:
        subjects: Variants to compare.
        dataset: Dataset of the recipe.
        gallery: Number of gallery features.
        machine: Device and precision.
        budget_s: Seconds after which no turn starts; there are at least 3 and at most 20 turns.

    Returns:
        Per subject: the parameters that the feature depends on, in millions, and the median time in milliseconds.
    """
    queries = [_QuerySubject(subject, dataset, gallery, machine) for subject in subjects]
    times = _median_ms_in_turns([each.ranked for each in queries], machine, budget_s)
    return [{"params_m": each.parameters / 1e6, "time_ms": time} for each, time in zip(queries, times, strict=True)]


def _built(subject: Subject, dataset: str, machine: Machine) -> tuple[ReIDModel, Recipe]:
    """The network of a subject on the machine's device, and its recipe for a dataset."""
    recipe = subject.method.recipe(subject.switches, dataset, "paper")
    torch.manual_seed(0)
    return machine.place(subject.method.build(subject.switches, IDENTITIES, recipe.backbone)), recipe


def _noise(images: int, recipe: Recipe, device: torch.device) -> Tensor:
    # Not blank images: with equal activations, gradients become so small that processors slow down.
    return torch.randn_like(blank_images(images, recipe.height, recipe.width, device))


class _PreparedSubject:
    """The network of a subject, its optimiser and a batch of noise, on the machine's device."""

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
        # Two images per identity, so that every loss has a positive pair.
        labels = torch.arange(batch, device=device) // 2
        rows = torch.arange(batch, device=device)
        self.batch = Batch(images, labels, torch.ones_like(rows), rows, blank_priors(batch, device, needs.training))

    def train(self) -> None:
        """One training step."""
        self.model.train()
        training_step(self.model, self.batch, self.optimiser, self.machine)

    @torch.inference_mode()
    def embed(self) -> None:
        """Compute the test features of the batch."""
        self.model.eval()
        with self.machine.autocast():
            self.model.embed(self.batch.images, self.priors)


class _QuerySubject:
    """The network of a subject, an image of noise and a gallery of random unit features, on the machine's device."""

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
        """The rows of all gallery features, nearest first."""
        return (self.gallery @ self.feature()).argsort(descending=True)


def _median_ms_in_turns(actions: Sequence[Callable[[], Any]], machine: Machine, budget_s: float) -> list[float]:
    """Median milliseconds of each action. The actions run in turns, after one turn to warm up."""
    for action in actions:
        action()
    seconds: list[list[float]] = [[] for _ in actions]
    started = time.perf_counter()
    while len(seconds[0]) < MIN_TURNS or (len(seconds[0]) < MAX_TURNS and time.perf_counter() - started < budget_s):
        for action, taken in zip(actions, seconds, strict=True):
            taken.append(seconds_taken(action, machine.device))
    return [statistics.median(taken) * 1000 for taken in seconds]
