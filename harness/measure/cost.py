"""Everything that a cell's cost columns show, measured alike for every method."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.hardware import hardware_facts
from harness.measure.abstract import blank_images
from harness.measure.latency import extraction_latency, matching_latency
from harness.measure.operations import count_operations
from harness.measure.parameters import count_parameters
from harness.models.reid import ReIDModel
from harness.recipe import Recipe

if TYPE_CHECKING:
    from harness.training.loop import Machine

LARGE_BATCH = 64


def measured_cost(
    model: ReIDModel,
    recipe: Recipe,
    machine: Machine,
    gallery: int,
    manifest: Mapping[str, Any],
    priors: Mapping[str, NDArray[Any]],
) -> dict[str, Any]:
    """Parameters, multiply-adds, latency, training speed and peak memory of a trained run.

    ``model`` is on the machine's device; ``gallery`` is the number of images that a query is matched against;
    ``manifest`` is the run's, whose log holds the training speed; ``priors`` (N, ...) are those of test images that the
    cell's feature is made from. The fields are those of a record's ``cost``.
    """
    return {
        "parameters": count_parameters(model, recipe.height, recipe.width, priors),
        "macs": count_operations(model, recipe.height, recipe.width, priors),
        "latency": _latency(model, recipe, machine, gallery, priors),
        "training_images_per_second": statistics.median(manifest["log"]["images_per_second"]),
        "peak_memory_mb": manifest["peak_memory_mb"],
    }


def _latency(
    model: ReIDModel, recipe: Recipe, machine: Machine, gallery: int, priors: Mapping[str, NDArray[Any]]
) -> dict[str, Any]:
    device = machine.device

    def features(batch: int) -> dict[str, float]:
        images = blank_images(batch, recipe.height, recipe.width, device)
        return extraction_latency(model, images, _repeated(priors, batch, device), machine.autocast)

    facts = hardware_facts(str(device))
    return {
        "features_batch1": features(1),
        "features_large": features(LARGE_BATCH),
        "matching": matching_latency(_dimension(model, recipe, machine, priors), gallery, device),
        "device": facts["gpu"] or f"{facts['cpu']}, {facts['threads']} threads",
    }


@torch.inference_mode()
def _dimension(model: ReIDModel, recipe: Recipe, machine: Machine, priors: Mapping[str, NDArray[Any]]) -> int:
    """Length of the longest test feature."""
    images = blank_images(1, recipe.height, recipe.width, machine.device)
    embeddings = model.eval().embed(images, _repeated(priors, 1, machine.device))
    return max(features.shape[1] for features in embeddings.values())


def _repeated(priors: Mapping[str, NDArray[Any]], batch: int, device: torch.device) -> dict[str, Tensor]:
    """Priors of ``batch`` images: the first ones, over again where there are too few."""
    return {
        kind: torch.from_numpy(np.resize(prior, (batch, *prior.shape[1:]))).to(device) for kind, prior in priors.items()
    }
