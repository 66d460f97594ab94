"""How many learnable parameters a network has, and how many of them inference needs.

Running statistics of BN are not learnable and not counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from harness import registry
from harness.measure.abstract import blank_images, blank_priors, without_values
from harness.models.reid import ReIDModel


def count_parameters(model: ReIDModel, height: int, width: int, priors: Collection[str] = ()) -> dict[str, int]:
    """Parameters by use, each counted once however many modules share it.

    ``training``: all that are learnable; ``training_without_classifiers``: less the identity classifiers;
    ``inference``: those that ``embed`` of a height x width image, with ``priors`` of these kinds, depends on, which is
    found by differentiating it.
    """
    learnable = _count(parameter for parameter in model.parameters() if parameter.requires_grad)
    classifiers = nn.ModuleList(model.classifiers())
    return {
        "training": learnable,
        "training_without_classifiers": learnable - _count(classifiers.parameters()),
        "inference": _count(_reached_by_embed(model, height, width, priors)),
    }


def inference_parameters(method_id: str, switches: Any = None) -> int:
    """Parameters that inference needs, without classifiers, at the paper recipe's backbone and input size.

    ``switches`` is the method's switches object, a dict of those that differ from the full method, or None for the
    full method itself. Raises BadInput for an unknown method or switch.
    """
    method = registry.method(method_id)
    if switches is None or isinstance(switches, Mapping):
        switches = method.parse(dict(switches or {}), "inference_parameters")
    recipe = method.recipe(switches, "market1501", "paper")
    with torch.device("meta"):
        model = method.build(switches, 2, recipe.backbone)
    return count_parameters(model, recipe.height, recipe.width, method.priors(switches).inference)["inference"]


def _reached_by_embed(model: ReIDModel, height: int, width: int, priors: Collection[str]) -> list[nn.Parameter]:
    shadow = without_values(model)
    with torch.inference_mode(False), torch.enable_grad():
        embeddings = shadow.embed(blank_images(1, height, width, "meta"), blank_priors(1, "meta", priors))
        torch.stack([features.sum() for features in embeddings.values()]).sum().backward()
    return [parameter for parameter in shadow.parameters() if parameter.grad is not None]


def _count(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)
