"""How much scoring costs on top of the matrix product that no exact scoring can do without."""

import time

import numpy as np
import pytest
import torch

from harness.evaluation import score

QUERIES, GALLERY, DIMENSIONS, PEOPLE = 1000, 8000, 1024, 500


@pytest.fixture(scope="module")
def made_up():
    """Features, identities and cameras of a test set a third of Market-1501's size."""
    generator = np.random.default_rng(0)
    query_ids, gallery_ids = generator.integers(1, PEOPLE + 1, QUERIES), generator.integers(0, PEOPLE + 1, GALLERY)
    centres = generator.standard_normal((PEOPLE + 1, DIMENSIONS), dtype=np.float32)
    query, gallery = (
        centres[ids] + 3 * generator.standard_normal((len(ids), DIMENSIONS), dtype=np.float32)
        for ids in (query_ids, gallery_ids)
    )
    cameras = generator.integers(1, 7, QUERIES), generator.integers(1, 7, GALLERY)
    return query, gallery, query_ids, gallery_ids, *cameras


def bare_product_seconds(query, gallery):
    """Best of five bare products of all query by all gallery features."""
    rows, columns = torch.from_numpy(query), torch.from_numpy(gallery).T
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        torch.mm(rows, columns)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_features_to_all_metrics_beside_the_bare_matrix_product(benchmark, made_up, metric):
    query, gallery, *_ = made_up
    product = bare_product_seconds(query, gallery)
    scores = benchmark.pedantic(score, args=made_up, kwargs={"metric": metric}, rounds=5, warmup_rounds=1)
    assert scores.metrics["queries"] == QUERIES
    if benchmark.stats:
        benchmark.extra_info["bare_product_seconds"] = round(product, 4)
        benchmark.extra_info["ratio_to_bare_product"] = round(benchmark.stats.stats.min / product, 3)
