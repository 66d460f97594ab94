"""How long a query takes: extracting features, and matching them against a gallery."""

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

WARM_UPS = 20
WARM_UP_S = 1.0
"""Runs before the first that counts, as many as fit into that time: a large batch takes seconds on a CPU."""
FEWEST_REPEATS = 3
MOST_REPEATS = 200


class Repeated(TypedDict):
    """Median and 95th percentile of repeated runs, in milliseconds."""

    median_ms: float
    p95_ms: float
    repeats: int


def repeated(action: Callable[[], Any], device: torch.device, budget_s: float) -> Repeated:
    """Run ``action`` until ``budget_s`` is spent, warmed up and with the device synchronised around each run.

    Returns ``median_ms``, ``p95_ms`` and the number of ``repeats``, 3 to 200. Warmed up is with 20 runs, or with those
    that begin in the first second.
    """
    warming = 0.0
    for _ in range(WARM_UPS):
        warming += timed(action, device)
        if warming >= WARM_UP_S:
            break
    seconds: list[float] = []
    while len(seconds) < FEWEST_REPEATS or (sum(seconds) < budget_s and len(seconds) < MOST_REPEATS):
        seconds.append(timed(action, device))
    median, p95 = np.percentile(seconds, (50, 95)) * 1000
    return {"median_ms": float(median), "p95_ms": float(p95), "repeats": len(seconds)}


def timed(action: Callable[[], Any], device: torch.device) -> float:
    """Seconds that ``action`` takes, with the device synchronised before and after."""
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
    """Milliseconds *an image* to embed a batch of images and their priors, on the device already, without flip.

    ``autocast`` gives the precision that evaluation runs in. The network is left in eval mode.
    """
    model.eval()
    batch = len(images)

    def embed() -> None:
        with autocast():
            model.embed(images, priors)

    measured = repeated(embed, images.device, budget_s)
    return {
        "batch": batch,
        "median_ms": measured["median_ms"] / batch,
        "p95_ms": measured["p95_ms"] / batch,
        "repeats": measured["repeats"],
    }


@torch.inference_mode()
def matching_latency(dimension: int, gallery: int, device: torch.device, budget_s: float = 0.2) -> MatchingLatency:
    """Milliseconds to rank a whole gallery of that many float32 features for one query, by cosine similarity."""
    features = F.normalize(torch.randn(gallery, dimension, device=device), dim=1)
    query = F.normalize(torch.randn(dimension, device=device), dim=0)
    measured = repeated(lambda: (features @ query).argsort(descending=True), device, budget_s)
    return {"gallery": gallery, **measured}


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
