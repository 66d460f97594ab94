"""Learnable parameters of a network, and those that inference needs.

Running statistics of BN are not learnable, so they are not counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from harness import registry
from harness.measure.abstract import blank_images, blank_priors, meta_copy
from harness.models.reid import ReIDModel
from harness.results.record import Parameters


def count_parameters(
    model: ReIDModel, height: int, width: int, priors: Collection[str] = (), embedding: str = ""
) -> Parameters:
    """Count parameters by use. A parameter that several modules share counts once.

    Args:
        model: The network.
        height: Height of the images.
        width: Width of the images.
        priors: Kinds of priors that ``embed`` reads.
        embedding: Name of a test feature, or several names joined by ``+``; by default all test features.

    Returns:
        ``training``: all learnable parameters. ``training_without_classifiers``: without identity classifiers.
        ``inference``: all parameters that the test features depend on, frozen ones too, found by differentiation.
    """
    learnable = _count(parameter for parameter in model.parameters() if parameter.requires_grad)
    classifiers = nn.ModuleList(model.classifiers())
    return {
        "training": learnable,
        "training_without_classifiers": learnable - _count(classifiers.parameters()),
        "inference": _count(_reached_by_embed(model, height, width, priors, embedding)),
    }


def inference_parameters(method_id: str, switches: Any = None) -> int:
    """Parameters that inference needs, without classifiers, with the backbone and input size of the paper recipe.

    ``switches`` is the method's switches object, a dict of differences from the full method, or None for the full
    method. Raises BadInput for an unknown method or switch.
    """
    method = registry.method(method_id)
    if switches is None or isinstance(switches, Mapping):
        switches = method.parse(dict(switches or {}), "inference_parameters")
    recipe = method.recipe(switches, "market1501", "paper")
    with torch.device("meta"):
        model = method.build(switches, 2, recipe.backbone)
    kinds = method.priors(switches).inference
    return count_parameters(model, recipe.height, recipe.width, kinds, method.embedding(switches))["inference"]


def _reached_by_embed(
    model: ReIDModel, height: int, width: int, priors: Collection[str], embedding: str
) -> list[nn.Parameter]:
    shadow = meta_copy(model).requires_grad_()
    with torch.inference_mode(False), torch.enable_grad():
        # Two images, so that both modalities occur.
        embeddings = shadow.embed(blank_images(2, height, width, "meta"), blank_priors(2, "meta", priors))
        read = embedding.split("+") if embedding else list(embeddings)
        torch.stack([embeddings[name].sum() for name in read]).sum().backward()
    return [parameter for parameter in shadow.parameters() if parameter.grad is not None]


def _count(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)
