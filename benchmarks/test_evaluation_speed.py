"""Time of scoring, relative to its matrix product (which every exact scoring needs) and to other libraries.

The peers are optional: ``pip install -e '.[peers]'``.
"""

import time
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from benchmarks import peers
from benchmarks.peak_memory import peak_memory
from benchmarks.speed import Other
from harness.evaluation import score

MAX_GIGABYTES = 2.0
DIMENSIONS = 2048
PRODUCT_ROWS = 1024
"""Queries per block of the bare product: at MSMT17's size, one product of all queries would take 3.8 GB."""


@dataclass(frozen=True)
class RandomTestSet:
    """Features, identities and cameras of a random test set."""

    query: np.ndarray
    gallery: np.ndarray
    query_ids: np.ndarray
    gallery_ids: np.ndarray
    query_cams: np.ndarray
    gallery_cams: np.ndarray

    @classmethod
    def of(cls, queries, gallery, people):
        """Features around one random centre per person; identity 0, the distractors, has no query."""
        generator = np.random.default_rng(0)
        ids = [generator.integers(1, people + 1, queries), generator.integers(0, people + 1, gallery)]
        centres = generator.standard_normal((people + 1, DIMENSIONS), dtype=np.float32)
        features = []
        for labels in ids:
            features.append(generator.standard_normal((len(labels), DIMENSIONS), dtype=np.float32))
            features[-1] *= 4
            for start in range(0, len(labels), PRODUCT_ROWS):
                rows = slice(start, start + PRODUCT_ROWS)
                features[-1][rows] += centres[labels[rows]]
        return cls(*features, *ids, generator.integers(1, 7, queries), generator.integers(1, 7, gallery))

    def scored(self):
        """The metrics of the harness."""
        return score(*vars(self).values()).metrics

    def scoring_seconds(self):
        """Time of features to all metrics."""
        return seconds_of(self.scored)

    def product_seconds(self):
        """Time of the bare product of all query by all gallery features."""
        rows, columns = torch.from_numpy(self.query), torch.from_numpy(self.gallery).T
        start = time.perf_counter()
        for block in rows.split(PRODUCT_ROWS):
            torch.mm(block, columns)
        return time.perf_counter() - start


@pytest.fixture(scope="module")
def market_sized():
    return RandomTestSet.of(3_368, 15_913, 750)


@pytest.fixture(scope="module")
def msmt_sized():
    return RandomTestSet.of(11_659, 82_161, 3_060)


def seconds_of(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


MIN_RATIO_TO_PRODUCT = 0.8
"""Of its speed, which is 1.25 times its time."""


@pytest.mark.speed
def test_ranking(compare, market_sized):
    def timed(metrics):
        return lambda: seconds_of(lambda: metrics(market_sized))

    reid, torchreid = peers.installed("reid"), peers.installed("torchreid")
    others = [
        Other("limit", "the bare matrix product", market_sized.product_seconds, at_least=MIN_RATIO_TO_PRODUCT),
        Other("peer", "torchreid", timed(torchreid_metrics) if torchreid else None, turns=1),
        Other("peer", "reid", timed(reid_metrics) if reid else None, turns=1),
    ]
    market_sized.product_seconds()
    compare("ranking, Market-1501's size", market_sized.scoring_seconds, others, 7, per_image=False)


@pytest.mark.speed
def test_ranking_at_the_size_of_msmt17(compare, msmt_sized):
    limit = Other("limit", "the bare matrix product", msmt_sized.product_seconds, at_least=MIN_RATIO_TO_PRODUCT)
    compare("ranking, MSMT17's size", msmt_sized.scoring_seconds, [limit], 2, per_image=False)


@pytest.mark.parametrize("size", ["market_sized", "msmt_sized"])
def test_memory_beyond_the_features(request, size):
    made_up = request.getfixturevalue(size)
    gigabytes = peak_memory(made_up.scored)
    if gigabytes is None:
        pytest.skip("memory is measured on Linux only")
    print(f"{size}: {gigabytes:.2f} GB beyond the features")
    assert gigabytes < MAX_GIGABYTES


def argsort_metrics(made_up):
    """The usual re-ID code in NumPy: the whole distance matrix, a full sort, then a loop over queries."""
    query, gallery = (
        features / np.linalg.norm(features, axis=1, keepdims=True) for features in (made_up.query, made_up.gallery)
    )
    order = np.argsort(1 - query @ gallery.T, axis=1)
    precision, first = [], []
    for row, identity, camera in zip(order, made_up.query_ids, made_up.query_cams, strict=True):
        same = made_up.gallery_ids[row] == identity
        hits = same[~(same & (made_up.gallery_cams[row] == camera))]
        places = np.flatnonzero(hits) + 1
        precision.append(np.mean(np.arange(1, len(places) + 1) / places))
        first.append(places[0])
    return {"map": 100 * np.mean(precision), "rank1": 100 * np.mean(np.array(first) == 1)}


def reid_metrics(made_up):
    """``reid``: its cosine distances and its ranking function."""
    reid = pytest.importorskip("reid.eval.metrics", reason="reid is not installed: pip install -e '.[peers]'")
    distances = reid.distance_matrix(made_up.query, made_up.gallery)
    labels = (made_up.query_ids, made_up.gallery_ids, made_up.query_cams, made_up.gallery_cams)
    found = reid._compute_reid_metrics(distances, *labels)
    return {"map": found.mean_average_precision, "rank1": found.rank1}


def torchreid_metrics(made_up):
    """``torchreid``: its cosine distances and its Python ranking."""
    metrics = pytest.importorskip("torchreid.reid.metrics", reason="no torchreid: pip install -e '.[peers]'")
    features = (torch.from_numpy(features) for features in (made_up.query, made_up.gallery))
    distances = metrics.compute_distance_matrix(*features, metric="cosine").numpy()
    labels = (made_up.query_ids, made_up.gallery_ids, made_up.query_cams, made_up.gallery_cams)
    cmc, mean_average_precision = metrics.evaluate_rank(distances, *labels)
    return {"map": 100 * mean_average_precision, "rank1": 100 * float(cmc[0])}


@pytest.mark.parametrize("theirs", [argsort_metrics, reid_metrics, torchreid_metrics])
def test_others_give_the_same_metrics(market_sized, theirs):
    ours, found = market_sized.scored(), theirs(market_sized)
    assert found == pytest.approx({metric: ours[metric] for metric in found}, rel=0, abs=0.01)
