"""Scores features of a user's own, by the protocol of any dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.datasets import DATASETS
from harness.errors import BadInput, unknown_name_error
from harness.evaluation.distance import Metric
from harness.evaluation.feature_files import read_feature_file, read_feature_matrices
from harness.evaluation.interval import Interval
from harness.evaluation.intervals import intervals
from harness.evaluation.ladder import Ladder, Setting, StoredFeatures, build_ladder
from harness.evaluation.metrics import Scores
from harness.evaluation.protocols import PROTOCOLS, Protocol
from harness.evaluation.scoring import Reranking, score

LADDER_METRICS = ("map", "rank1")


@dataclass(frozen=True, eq=False)
class ScoredFile:
    """Features of a user's own with their scores: ``scores.cmc`` and the ranks of each query among them."""

    features: StoredFeatures
    protocol: Protocol
    setting: Setting
    scores: Scores

    @cached_property
    def metrics(self) -> dict[str, float]:
        """The metrics in percent and the counts of queries, as ``evaluate`` gives them."""
        return self.scores.metrics

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """95 % intervals per metric, ``by_identity`` and ``by_query``."""
        return intervals(self.scores, self.features.query_ids)

    def ladder(self, published: Mapping[str, float] | None = None) -> Ladder:
        """The figures under other switches of the protocol.

        With ``published`` figures (percent by metric), the ladder holds pairs of switches too, and is sorted by the gap
        to these figures. Without any, it holds single switches, and its differences are to the figures as scored.
        """
        known = {self.setting: self.metrics}
        own = {metric: self.metrics[metric] for metric in LADDER_METRICS}
        pairs = published is not None
        return build_ladder(self.features, self.protocol, self.setting, published or own, known, pairs=pairs)


def score_file(
    features: Path | str,
    gallery: Path | str | None = None,
    labels: Path | str | None = None,
    protocol: str = "market1501",
    metric: Metric = "cosine",
    reranking: Reranking | None = None,
) -> ScoredFile:
    """Score features of one's own from files (docs/how-to/score-your-features.md).

    Args:
        features: An npz file with the features and labels of query and gallery; or, with ``gallery``, an npy file with
            the features of the queries (Q, D).
        gallery: An npy file with the features of the gallery (G, D).
        labels: A CSV file with the columns split, id and camera. It goes with ``gallery``.
        protocol: Id of a protocol, or of a dataset that is scored by it.
        metric: ``cosine`` or ``euclidean``.
        reranking: Re-rank with these parameters; None ranks by distance alone.

    Raises:
        BadInput: A file cannot be read, the protocol is unknown, or the features cannot be scored by it. The message
            names the file.

    Example:
        >>> import numpy as np, tempfile
        >>> from harness.evaluation import score_file
        >>> file = tempfile.mktemp(suffix=".npz")
        >>> np.savez(file, query=np.eye(2), gallery=np.eye(2), query_ids=[1, 2], gallery_ids=[1, 2],
        ...     query_cams=[1, 1], gallery_cams=[2, 2])
        >>> score_file(file, protocol="dukemtmc").metrics["map"]
        100.0
    """
    rule = protocol_for(protocol)
    if (gallery is None) != (labels is None):
        raise BadInput("features in two npy files need a CSV of their labels: give QUERY.npy GALLERY.npy --labels CSV")
    if gallery is None or labels is None:
        found = read_feature_file(Path(features))
    else:
        found = read_feature_matrices(Path(features), Path(gallery), Path(labels))
    setting = Setting(False, metric, same_camera_junk=rule.same_camera_junk, reranking=reranking)
    try:
        scores = score(
            found.query[False],
            found.gallery[False],
            found.query_ids,
            found.gallery_ids,
            found.query_cams,
            found.gallery_cams,
            rule,
            metric,
            reranking=reranking,
        )
    except BadInput as error:
        files = ", ".join(str(file) for file in (features, gallery, labels) if file is not None)
        raise BadInput(f"{files}: {error}") from error
    return ScoredFile(found, rule, setting, scores)


def protocol_for(name: str) -> Protocol:
    """The protocol with that id, or of the dataset with that id. Raises BadInput, offering the nearest ids."""
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    if name in DATASETS:
        return PROTOCOLS[DATASETS[name].protocol]
    raise unknown_name_error("protocol or dataset", name, dict.fromkeys([*PROTOCOLS, *DATASETS]))
