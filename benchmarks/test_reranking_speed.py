"""k-reciprocal re-ranking at Market-1501's size, compared with the bare N x N matrix product and with a peer.

The peer is optional (``pip install -e '.[peers]'``). It needs 9 GB of free memory and 90 seconds.
"""

import time

import numpy as np
import pytest
import torch

from benchmarks import peers
from benchmarks.peak_memory import peak_memory
from benchmarks.speed import Other
from harness.evaluation import rerank

QUERIES, GALLERY, DIMENSIONS, PEOPLE = 3_368, 15_913, 512, 751
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


@pytest.mark.speed
def test_reranking(compare, features):
    def ours():
        start = time.perf_counter()
        rerank(*features)
        return time.perf_counter() - start

    def theirs():
        distances = euclidean_distances(*features)
        start = time.perf_counter()
        peers.torchreid().utils.rerank.re_ranking(*distances)
        return time.perf_counter() - start

    others = [
        Other("limit", "the bare matrix product of all by all", lambda: product_seconds(features)),
        Other("peer", "torchreid", theirs if peers.installed("torchreid") else None, at_least=20, turns=1),
    ]
    compare("re-ranking, Market-1501's size", ours, others, 3, per_image=False)


def test_memory_beyond_the_features(features):
    gigabytes = peak_memory(lambda: rerank(*features))
    if gigabytes is None:
        pytest.skip("memory is measured on Linux only")
    print(f"re-ranking: {gigabytes:.2f} GB beyond the features")
    assert gigabytes < MAX_GIGABYTES


def test_a_peer_gives_the_same_distances(features):
    peer = pytest.importorskip("torchreid.reid.utils.rerank", reason="no torchreid: pip install -e '.[peers]'")
    ours, theirs = rerank(*features), peer.re_ranking(*euclidean_distances(*features))
    swapped = np.mean(np.abs(ours - theirs) > 1e-5)
    assert swapped < 1e-3, "float32 distances may swap a few neighbours, which changes only distances that use them"


def euclidean_distances(query, gallery):
    """The three distance matrices that the peer takes; it squares them itself."""
    query, gallery = (torch.from_numpy(features) for features in (query, gallery))
    pairs = ((query, gallery), (query, query), (gallery, gallery))
    return tuple(torch.cdist(*pair, compute_mode="use_mm_for_euclid_dist").numpy() for pair in pairs)
