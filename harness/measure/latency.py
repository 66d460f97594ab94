"""Latency of a query: feature extraction, and matching against a gallery."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, TypedDict

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from harness.models.reid import ReIDModel
from harness.results.record import ExtractionLatency, MatchingLatency

WARM_UP_RUNS = 20
WARM_UP_S = 1.0
"""Seconds after which warming up ends early: a large batch takes seconds on a CPU."""
MIN_REPEATS = 3
MAX_REPEATS = 200


class LatencyStatistics(TypedDict):
    """Median and 95th percentile of repeated runs, in milliseconds."""

    median_ms: float
    p95_ms: float
    repeats: int


def measure_latency(action: Callable[[], Any], device: torch.device, budget_s: float) -> LatencyStatistics:
    """Run ``action`` repeatedly for ``budget_s`` seconds, with the device synchronised around each run.

    20 runs warm up, or as many as start in the first second. Returns ``median_ms``, ``p95_ms`` and the number of
    ``repeats``, 3 to 200.
    """
    warming = 0.0
    for _ in range(WARM_UP_RUNS):
        warming += seconds_taken(action, device)
        if warming >= WARM_UP_S:
            break
    seconds: list[float] = []
    while len(seconds) < MIN_REPEATS or (sum(seconds) < budget_s and len(seconds) < MAX_REPEATS):
        seconds.append(seconds_taken(action, device))
    median, p95 = np.percentile(seconds, (50, 95)) * 1000
    return {"median_ms": float(median), "p95_ms": float(p95), "repeats": len(seconds)}


def seconds_taken(action: Callable[[], Any], device: torch.device) -> float:
    """Seconds that ``action`` takes; the device is synchronised before and after."""
    _synchronise(device)
    started = time.perf_counter()
    action()
    _synchronise(device)
    return time.perf_counter() - started


@torch.inference_mode()
def extraction_latency(
    model: ReIDModel,
    images: Tensor,
    priors: Mapping[str, Tensor],
    autocast: Callable[[], AbstractContextManager[Any]],
    budget_s: float = 0.3,
) -> ExtractionLatency:
    """Time to embed a batch of images, without flip, in milliseconds *per image*. Leaves the network in eval mode.

    Args:
        model: The network.
        images: Images (B, 3, H, W), on the device.
        priors: Priors of the images, on the device.
        autocast: Context with the precision of evaluation.
        budget_s: Seconds to measure.

    Returns:
        ``batch``, ``median_ms`` and ``p95_ms`` per image, and the number of ``repeats``.
    """
    model.eval()
    batch = len(images)

    def embed() -> None:
        with autocast():
            model.embed(images, priors)

    measured = measure_latency(embed, images.device, budget_s)
    return {
        "batch": batch,
        "median_ms": measured["median_ms"] / batch,
        "p95_ms": measured["p95_ms"] / batch,
        "repeats": measured["repeats"],
    }


@torch.inference_mode()
def matching_latency(dimension: int, gallery: int, device: torch.device, budget_s: float = 0.2) -> MatchingLatency:
    """Time to rank a whole gallery for one query by cosine similarity, in milliseconds.

    Args:
        dimension: Length of the float32 features.
        gallery: Number of gallery features.
        device: Device of the features.
        budget_s: Seconds to measure.

    Returns:
        ``gallery``, ``median_ms``, ``p95_ms`` and the number of ``repeats``.
    """
    features = F.normalize(torch.randn(gallery, dimension, device=device), dim=1)
    query = F.normalize(torch.randn(dimension, device=device), dim=0)
    measured = measure_latency(lambda: (features @ query).argsort(descending=True), device, budget_s)
    return {"gallery": gallery, **measured}


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
