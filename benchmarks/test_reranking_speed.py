"""k-reciprocal re-ranking at Market-1501's size, compared with the bare N x N matrix product and with a peer.

The peer is optional (``pip install -e '.[peers]'``). It needs 9 GB of free memory and 90 seconds.
"""

import time

import numpy as np
import pytest
import torch
from peak_memory import peak_memory

from harness.evaluation import rerank

QUERIES, GALLERY, DIMENSIONS, PEOPLE = 3_368, 15_913, 512, 751
MIN_RATIO_TO_PEER = 20
MAX_GIGABYTES = 3.0
PRODUCT_ROWS = 1024


@pytest.fixture(scope="module")
def features():
    """Query and gallery features around one random centre per person, well but not perfectly separable."""
    generator = np.random.default_rng(0)
    centres = generator.standard_normal((PEOPLE, DIMENSIONS), dtype=np.float32)
    return [
        centres[generator.integers(PEOPLE, size=rows)]
        + 3 * generator.standard_normal((rows, DIMENSIONS), dtype=np.float32)
        for rows in (QUERIES, GALLERY)
    ]


def product_seconds(features):
    """Time of the bare product of all features by all features."""
    together = torch.from_numpy(np.concatenate(features))
    start = time.perf_counter()
    for block in together.split(PRODUCT_ROWS):
        torch.mm(block, together.T)
    return time.perf_counter() - start


def test_reranking_beside_the_bare_matrix_product(benchmark, features):
    product = []
    distances = benchmark.pedantic(
        rerank, args=features, setup=lambda: product.append(product_seconds(features)), rounds=3, iterations=1
    )
    assert distances.shape == (QUERIES, GALLERY)
    if benchmark.stats:
        benchmark.extra_info["ratio_to_bare_product"] = round(benchmark.stats.stats.min / min(product), 2)


def test_memory_beyond_the_features(features):
    gigabytes = peak_memory(lambda: rerank(*features))
    if gigabytes is None:
        pytest.skip("memory is measured on Linux only")
    print(f"re-ranking: {gigabytes:.2f} GB beyond the features")
    assert gigabytes < MAX_GIGABYTES


def test_a_peer_gives_the_same_distances_in_twenty_times_the_time(benchmark, features):
    peer = pytest.importorskip("torchreid.reid.utils.rerank", reason="no torchreid: pip install -e '.[peers]'")
    start = time.perf_counter()
    ours = rerank(*features)
    seconds = time.perf_counter() - start
    theirs = benchmark.pedantic(
        peer.re_ranking, setup=lambda: (euclidean_distances(*features), {}), rounds=1, iterations=1
    )
    swapped = np.mean(np.abs(ours - theirs) > 1e-5)
    assert swapped < 1e-3, "float32 distances may swap a few neighbours, which changes only distances that use them"
    if benchmark.stats:
        benchmark.extra_info["times_our_time"] = round(benchmark.stats.stats.min / seconds, 1)
        assert benchmark.stats.stats.min > MIN_RATIO_TO_PEER * seconds


def euclidean_distances(query, gallery):
    """The three distance matrices that the peer takes; it squares them itself."""
    query, gallery = (torch.from_numpy(features) for features in (query, gallery))
    pairs = ((query, gallery), (query, query), (gallery, gallery))
    return tuple(torch.cdist(*pair, compute_mode="use_mm_for_euclid_dist").numpy() for pair in pairs)
