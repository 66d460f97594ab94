"""The pictures of an evaluation: ranking strips and attention maps."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness.datasets.base import Dataset
from harness.evaluation.metrics import Scores
from harness.models.reid import ReIDModel
from harness.training.augmentation import normalise
from harness.training.machine import Machine

QUERIES_PER_KIND = 3
"""Queries kept among the best, the median and the worst."""
ATTENTION_IMAGES = 5
"""Query images whose attention maps are kept."""


def ranking_strips(
    scores: Scores,
    dataset: Dataset,
    query: NDArray[np.uint8],
    gallery: NDArray[np.uint8],
    keep_images: bool,
) -> dict[str, NDArray[Any]]:
    """Best, median and worst queries by average precision, each with its ten nearest gallery images.

    Args:
        scores: The scores of the evaluation.
        dataset: The dataset that was tested on, for identities and names.
        query: Query images (N, H, W, 3) uint8.
        gallery: Gallery images (N, H, W, 3) uint8.
        keep_images: Whether the strips hold images; else they hold names only.
    """
    valid = np.flatnonzero(scores.valid)
    order = valid[np.argsort(-scores.average_precision[valid], kind="stable")]
    middle = max(0, len(order) // 2 - QUERIES_PER_KIND // 2)
    chosen = {
        "best": order[:QUERIES_PER_KIND],
        "median": order[middle : middle + QUERIES_PER_KIND],
        "worst": order[-QUERIES_PER_KIND:],
    }
    rows = np.concatenate(list(chosen.values()))
    top = scores.top[rows]
    shown = np.maximum(top, 0)
    names = np.array(dataset.gallery.names)[shown]
    strips: dict[str, NDArray[Any]] = {
        "kind": np.repeat(list(chosen), [len(part) for part in chosen.values()]),
        "query": rows,
        "gallery": top,
        "right": (dataset.gallery.identities[shown] == dataset.query.identities[rows][:, None]) & (top >= 0),
        "query_names": np.array(dataset.query.names)[rows],
        "gallery_names": np.where(top >= 0, names, ""),
        "average_precision": scores.average_precision[rows],
    }
    if keep_images:
        ranked = gallery[shown] * (top >= 0)[..., None, None, None].astype(np.uint8)
        strips["images"] = np.concatenate((query[rows][:, None], ranked), axis=1)
    return strips


def attention(
    model: ReIDModel, query: NDArray[np.uint8], priors: dict[str, NDArray[Any]], machine: Machine, caption: str
) -> dict[str, NDArray[Any]] | None:
    """Attention maps of evenly spaced query images, resized to the images; None where the method draws none.

    Args:
        model: The trained network.
        query: Query images (Q, H, W, 3) uint8.
        priors: Kind -> priors of the query images.
        machine: Device and precision.
        caption: What the maps show.
    """
    rows = np.linspace(0, len(query) - 1, min(ATTENTION_IMAGES, len(query))).astype(int)
    images = np.array(query[rows])
    chosen = {kind: torch.from_numpy(prior[rows]).to(machine.device) for kind, prior in priors.items()}
    model.eval()
    maps = model.attention_maps(normalise(torch.from_numpy(images).to(machine.device)), chosen)
    model.zero_grad(set_to_none=True)
    if not maps:
        return None
    # A network's branches may end in maps of different sizes.
    sized = [
        torch.nn.functional.interpolate(
            map_.detach().float().cpu()[:, None], images.shape[1:3], mode="bilinear", align_corners=False
        )
        for map_ in maps.values()
    ]
    resized = torch.cat(sized, dim=1)
    bytes_ = (resized.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    return {"images": images, "maps": bytes_, "names": np.array(list(maps)), "caption": np.array(caption)}
