"""The cost columns of a cell, measured in the same way for every method."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.machine.hardware import device_name, hardware_facts
from harness.measure.abstract import blank_images
from harness.measure.latency import extraction_latency, matching_latency
from harness.measure.operations import count_operations
from harness.measure.parameters import count_parameters
from harness.models.reid import ReIDModel
from harness.priors.availability import INFRARED
from harness.recipe import Recipe
from harness.results.record import Cost, ExtractionLatency, Latency, Manifest

if TYPE_CHECKING:
    from harness.training.machine import Machine

LARGE_BATCH = 64


@dataclass(frozen=True)
class Estimator:
    """A network that estimates one kind of prior: its parameters, and its multiply-adds per image."""

    name: str
    parameters: int
    macs: int


ESTIMATORS = {"keypoints": Estimator("HRNet-W48 at 384x128", 63_596_000, 15_692_000_000)}
"""Networks that a method with priors of test images would have to run (Sun et al., CVPR 2019). They are counted, not
run. Only convolutions are counted; PGFL-KD's Table 8 has nearly the same difference between its rows with and without
poses (15.74 G, the count of HRNet-W48 with BN)."""


def measured_cost(
    model: ReIDModel,
    recipe: Recipe,
    machine: Machine,
    gallery: int,
    manifest: Manifest,
    priors: Mapping[str, NDArray[Any]],
    embedding: str,
) -> Cost:
    """Parameters, multiply-adds (of the network, and of the estimators of its priors), latency, training speed, memory.

    Args:
        model: The network, on the machine's device.
        recipe: Gives the size of the images.
        machine: Device and precision.
        gallery: Number of images that a query is matched against.
        manifest: The manifest of the run; its log holds the training speed.
        priors: Priors (N, ...) of test images that the cell's feature reads. Their estimation is counted, not timed.
        embedding: Name of the cell's feature, or several names joined by ``+``.

    Returns:
        The fields of a record's ``cost``.
    """
    estimators = {kind: ESTIMATORS.get(kind) for kind in sorted(priors) if kind != INFRARED}
    known = [estimator for estimator in estimators.values() if estimator]
    return {
        "parameters": count_parameters(model, recipe.height, recipe.width, priors, embedding),
        "macs": count_operations(model, recipe.height, recipe.width, priors),
        "parameters_of_priors": sum(estimator.parameters for estimator in known) if known else None,
        "macs_of_priors": sum(estimator.macs for estimator in known) if known else None,
        "estimators": {kind: estimator.name if estimator else None for kind, estimator in estimators.items()},
        "latency": _latency(model, recipe, machine, gallery, priors, embedding),
        "training_images_per_second": statistics.median(manifest["log"]["images_per_second"]),
        "peak_memory_mb": manifest["peak_memory_mb"],
    }


def _latency(
    model: ReIDModel, recipe: Recipe, machine: Machine, gallery: int, priors: Mapping[str, NDArray[Any]], embedding: str
) -> Latency:
    device = machine.device

    def features(batch: int) -> ExtractionLatency:
        images = blank_images(batch, recipe.height, recipe.width, device)
        return extraction_latency(model, images, _repeated(priors, batch, device), machine.autocast)

    return {
        "features_batch1": features(1),
        "features_large": features(LARGE_BATCH),
        "matching": matching_latency(_dimension(model, recipe, machine, priors, embedding), gallery, device),
        "device": device_name(hardware_facts(str(device))),
    }


@torch.inference_mode()
def _dimension(
    model: ReIDModel, recipe: Recipe, machine: Machine, priors: Mapping[str, NDArray[Any]], embedding: str
) -> int:
    """Length of the test feature."""
    images = blank_images(1, recipe.height, recipe.width, machine.device)
    embeddings = model.eval().embed(images, _repeated(priors, 1, machine.device))
    return sum(embeddings[name].shape[1] for name in embedding.split("+"))


def _repeated(priors: Mapping[str, NDArray[Any]], batch: int, device: torch.device) -> dict[str, Tensor]:
    """The priors of the first ``batch`` images, repeated if there are too few."""
    return {
        kind: torch.from_numpy(np.resize(prior, (batch, *prior.shape[1:]))).to(device) for kind, prior in priors.items()
    }
