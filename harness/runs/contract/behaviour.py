"""Everything that a switch can move: a network's outline, its behaviour in two steps, its parameters at inference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, NamedTuple

import torch

from harness.measure import count_parameters
from harness.method import Method
from harness.results.record import Parameters
from harness.runs.contract.variants import DATASET, built, inference_priors, noise_batch
from harness.runs.contract.waiting import WaitingOperations, host_state
from harness.training.machine import Machine
from harness.training.optimisation import build_optimiser
from harness.training.step import training_step

CPU = Machine(torch.device("cpu"), bfloat16=False)


class Behaviour(NamedTuple):
    """The losses of a second step, the test features after it, and what the step did."""

    losses: dict[str, float]
    features: dict[str, bytes]
    still: list[str]
    """Parameters that the recipe optimises and two steps have not moved."""
    waits: Counter[str]
    """The operations of the second step for which the host would wait for a GPU."""
    places: Mapping[str, str]
    """File and line of each of these operations."""


@cache
def outline(method: Method, switches: Any) -> tuple[Hashable, ...]:
    """All that shows without a step of training: structure, recipe, feature that is read, priors."""
    model = built(method, switches)
    return (
        tuple((name, tuple(parameter.shape)) for name, parameter in model.named_parameters()),
        (method.embedding(switches), method.reranked(switches)),
        method.recipe(switches, DATASET, "demo"),
        method.priors(switches),
    )


@cache
def behaviour(method: Method, switches: Any) -> Behaviour:
    """Train two steps on noise, and embed it."""
    model = built(method, switches)
    images, priors = noise_batch(method, switches)
    optimiser = build_optimiser(model, method.recipe(switches, DATASET, "demo").optimiser)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    model.train()
    for _ in range(2):
        with WaitingOperations(host_state(optimiser)) as waiting:
            losses = training_step(model, images, optimiser, CPU)
        model.end_epoch({name: float(loss) for name, loss in losses.items()})
    still = [
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and torch.equal(parameter, before[name])
    ]
    model.eval()
    with torch.inference_mode():
        embeddings = model.embed(images.images, inference_priors(method, switches, priors))
    return Behaviour(
        {name: float(loss) for name, loss in losses.items()},
        {name: features.numpy().tobytes() for name, features in embeddings.items()},
        still,
        waiting.found,
        waiting.places,
    )


@cache
def _parameters(method: Method, switches: Any) -> Parameters:
    recipe = method.recipe(switches, DATASET, "demo")
    return count_parameters(built(method, switches), recipe.height, recipe.width, method.priors(switches).inference)


def differ(method: Method, first: Any, second: Any) -> bool:
    """Whether two variants can be told apart; what takes longer is asked only where the rest is the same."""
    return any(asked(method, first) != asked(method, second) for asked in (outline, _behaves, _parameters))


def _behaves(method: Method, switches: Any) -> tuple[Any, ...]:
    return behaviour(method, switches)[:3]
