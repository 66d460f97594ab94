"""Whether a training learnt its people: how often a training image finds its person among the training images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.datasets.base import Split
from harness.evaluation.scoring import score
from harness.models.reid import ReIDModel
from harness.runs.features import extract
from harness.training.machine import Machine
from harness.training.world import World

MOST_IMAGES = 2_000
"""More would take longer than it says: people are left out evenly, whole."""


def training_rank1(
    model: ReIDModel,
    images: NDArray[np.uint8],
    split: Split,
    priors: Mapping[str, NDArray[Any]],
    embedding: str,
    machine: Machine,
) -> float | None:
    """Rank-1 in percent of training images among the training images of other cameras.

    Near 100 after a training that has learnt its identities. It says nothing about people it has not seen.

    Args:
        model: The trained network.
        images: The decoded training split (N, H, W, 3) uint8.
        split: Its identities and cameras.
        priors: Kind -> priors that the network reads in a test, first axis N.
        embedding: The test feature, or several joined by ``+``.
        machine: Device and precision.

    Returns:
        None where nobody is seen by two cameras.
    """
    rows = _rows(split)
    if not len(rows):
        return None
    _, found = extract(model, images[rows], {kind: prior[rows] for kind, prior in priors.items()}, machine, World())
    features = np.concatenate([found[name].float().numpy() for name in embedding.split("+")], axis=1)
    identities, cameras = split.identities[rows], split.cameras[rows]
    scores = score(features, features, identities, identities, cameras, cameras, "market1501", "cosine")
    return float(scores.metrics["rank1"])


def _rows(split: Split) -> NDArray[np.int64]:
    """Rows of the people that two cameras see; of every k-th of them if they have too many images."""
    pairs = np.unique(np.stack([split.identities, split.cameras]), axis=1)
    people, cameras = np.unique(pairs[0], return_counts=True)
    people = people[cameras > 1]
    step = -(-int(np.isin(split.identities, people).sum()) // MOST_IMAGES) or 1
    return np.flatnonzero(np.isin(split.identities, people[::step]))
