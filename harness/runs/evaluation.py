"""Evaluate a trained run on a test set: features, scores, intervals."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.datasets.base import Dataset
from harness.datasets.images import decoded
from harness.errors import NonFiniteFeatures
from harness.evaluation.interval import Interval
from harness.evaluation.intervals import intervals
from harness.evaluation.metrics import Scores
from harness.evaluation.multi_query import pool_queries
from harness.evaluation.scoring import Reranking, score
from harness.models.reid import ReIDModel
from harness.runs.features import Embeddings, extract
from harness.training.machine import Machine
from harness.training.world import World


@dataclass(frozen=True)
class TestImages:
    """Decoded test splits (N, H, W, 3) uint8 with their priors.

    ``extra`` exists only where the protocol pools queries. ``junk`` exists only where the loader removed some and no
    prior is read; it is never ranked, and kept for ``--explain``.
    """

    __test__ = False

    query: NDArray[np.uint8]
    gallery: NDArray[np.uint8]
    extra: NDArray[np.uint8] | None
    junk: NDArray[np.uint8] | None
    priors: dict[str, dict[str, NDArray[Any]]]

    @classmethod
    def of(cls, dataset: Dataset, height: int, width: int, priors: dict[str, dict[str, NDArray[Any]]]) -> TestImages:
        """Decode the test splits of a dataset.

        Args:
            dataset: The dataset.
            height: Height of the recipe's images, in pixels.
            width: Their width.
            priors: Split -> kind of prior -> its array; empty where the network reads none.
        """
        extra = decoded(dataset, "extra", height, width) if dataset.extra is not None else None
        junk = None if dataset.junk is None or priors else decoded(dataset, "junk", height, width)
        query, gallery = decoded(dataset, "query", height, width), decoded(dataset, "gallery", height, width)
        return cls(query, gallery, extra, junk, priors)


@dataclass(frozen=True)
class ScoredFeature:
    """The feature that a cell is scored by: a test feature, or several joined by ``+``, re-ranked or not."""

    embedding: str
    reranked: bool = False

    def of(self, found: Embeddings) -> Tensor:
        """The features (N, D), taken from the network's embeddings."""
        return torch.cat([found[name] for name in self.embedding.split("+")], dim=1)


@dataclass(frozen=True)
class FeatureScores:
    """The figures of one feature on one test set, and the features (N, D) they are made from.

    ``features`` holds ``query``, ``gallery`` and ``junk`` as scored, and ``*_other_flip`` with the flip turned.
    """

    scores: Scores
    metrics: dict[str, float]
    metrics_without_flip: dict[str, float]
    intervals: dict[str, Interval]
    features: dict[str, NDArray[np.float16]]


def evaluate_run(
    model: ReIDModel,
    dataset: Dataset,
    images: TestImages,
    protocol: str,
    wanted: Collection[ScoredFeature],
    flip: bool,
    machine: Machine,
    world: World | None = None,
) -> dict[ScoredFeature, FeatureScores]:
    """Evaluate a trained network. Features are extracted once for all ``wanted`` ones.

    Args:
        model: The trained network.
        dataset: The dataset to test on.
        images: Its decoded test splits.
        protocol: A name in ``PROTOCOLS``.
        wanted: The features to score.
        flip: Whether the primary figures are those with flip.
        machine: Device and precision.
        world: The processes that share the extraction. All others call ``test_features`` at the same time.

    Returns:
        The figures of each wanted feature.

    Raises:
        NonFiniteFeatures: A feature is NaN or too large for float16.
    """
    with_flip, without = test_features(model, dataset, images, machine, world or World())
    primary, other = (with_flip, without) if flip else (without, with_flip)
    found = {}
    for feature in wanted:
        reranking = Reranking() if feature.reranked else None
        kept = {split: feature.of(primary[split]) for split in primary if split != "extra"}
        scores = score_features(dataset, kept["query"], kept["gallery"], protocol, reranking)
        kept |= {f"{split}_other_flip": feature.of(other[split]) for split in other if split != "extra"}
        bare = kept["query_other_flip"], kept["gallery_other_flip"]
        plain = score_features(dataset, *bare, protocol, reranking) if flip else scores
        spread = intervals(scores, dataset.query.identities)
        arrays = {name: features.numpy() for name, features in kept.items()}
        found[feature] = FeatureScores(scores, scores.metrics, plain.metrics, spread, arrays)
    return found


def score_features(
    dataset: Dataset, query: Tensor, gallery: Tensor, protocol: str, reranking: Reranking | None = None
) -> Scores:
    """Scores of float16 features under a protocol, by cosine distance (MPN Sec. 4; all five papers).

    Where the protocol has several trials, the scores are means over these.

    Args:
        dataset: The dataset that the features are of.
        query: Query features (Q, D).
        gallery: Gallery features (G, D): of every image that a trial may draw.
        protocol: A name in ``PROTOCOLS``.
        reranking: How to re-rank; None ranks by distance alone.

    Raises:
        NonFiniteFeatures: A feature is NaN or too large for float16.
    """
    for split, features in (("query", query), ("gallery", gallery)):
        broken = int((~torch.isfinite(features)).any(dim=1).sum())
        if broken:
            raise NonFiniteFeatures(f"{broken} of {len(features)} {split} features are NaN or too large for float16")
    return score(
        query.float(),
        gallery.float(),
        dataset.query.identities,
        dataset.gallery.identities,
        dataset.query.cameras,
        dataset.gallery.cameras,
        protocol,
        "cosine",
        reranking=reranking,
    )


def test_features(
    model: ReIDModel, dataset: Dataset, images: TestImages, machine: Machine, world: World
) -> tuple[dict[str, Embeddings], dict[str, Embeddings]]:
    """Extract the features of every test split. Where the protocol pools queries, they are pooled here.

    Args:
        model: The trained network.
        dataset: The dataset to test on.
        images: Its decoded test splits.
        machine: Device and precision.
        world: The processes that share the images.

    Returns:
        ``(with flip, without)``, each split -> embedding -> features (N, D).
    """
    with_flip: dict[str, Embeddings] = {}
    without: dict[str, Embeddings] = {}
    splits = {"query": images.query, "gallery": images.gallery, "extra": images.extra, "junk": images.junk}
    for split, pixels in splits.items():
        if pixels is None:
            continue
        with_flip[split], without[split] = extract(model, pixels, images.priors.get(split, {}), machine, world)
    if dataset.multi_query is not None:
        for found in (with_flip, without):
            for name, features in found["query"].items():
                pooled = pool_queries(features.float(), found["extra"][name].float(), dataset.multi_query)
                found["query"][name] = pooled.cpu().half()
    return with_flip, without
