"""k-reciprocal re-ranking: against the paper's formulas written out set by set in float64, and its laws."""

from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import BadInput
from harness.evaluation import neighbours, rerank


def nearest(distances, image, k):
    """N(p, k): the k + 1 nearest, the image itself included; the earlier of two at equal distance."""
    return sorted(range(len(distances)), key=lambda other: (distances[image][other], other))[: k + 1]


def reciprocal(distances, image, k):
    return {other for other in nearest(distances, image, k) if image in nearest(distances, other, k)}


def naive(query, gallery, k1, k2, share):
    """Zhong et al., CVPR 2017, Eq. 3 to 12, one set and one image at a time, in float64."""
    features = np.concatenate([query, gallery]).astype(np.float64)
    images = range(len(features))
    distances = [[float(np.sum((features[p] - features[g]) ** 2)) for g in images] for p in images]
    distances = [[value / max(row) for value in row] for row in distances]
    half = int(np.around(k1 / 2))
    encodings = []
    for image in images:
        strict = reciprocal(distances, image, k1)
        wide = set(strict)
        for candidate in strict:
            candidates_own = reciprocal(distances, candidate, half)
            if len(candidates_own & strict) > 2 / 3 * len(candidates_own):
                wide |= candidates_own
        weights = {other: np.exp(-distances[image][other]) for other in wide}
        total = sum(weights.values()) or 1.0  # of more duplicates than k1 the last are nobody's nearest
        encodings.append([weights.get(other, 0.0) / total for other in images])
    expanded = encodings
    if k2 > 1:  # of duplicates, only the first is its own nearest
        expanded = [
            [np.mean([encodings[near][g] for near in nearest(distances, p, k2 - 1)]) for g in images] for p in images
        ]
    result = np.empty((len(query), len(gallery)))
    for q in range(len(query)):
        for g in range(len(gallery)):
            overlap = sum(min(*pair) for pair in zip(expanded[q], expanded[len(query) + g], strict=True))
            jaccard = 1 - overlap / (2 - overlap)
            result[q, g] = (1 - share) * jaccard + share * distances[q][len(query) + g]
    return result


def people(seed, queries, gallery, dimensions=12, count=6):
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((count, dimensions))
    return [
        (centres[generator.integers(count, size=rows)] + 0.6 * generator.standard_normal((rows, dimensions))).astype(
            np.float32
        )
        for rows in (queries, gallery)
    ]


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10**6), k1=st.integers(1, 12), k2=st.integers(1, 6), share=st.sampled_from([0.0, 0.3, 0.75, 1])
)
def test_equals_the_formulas_written_out_in_float64(seed, k1, k2, share):
    query, gallery = people(seed, 5, 25)
    assert rerank(query, gallery, k1, k2, share) == pytest.approx(naive(query, gallery, k1, k2, share), rel=0, abs=1e-6)


def test_equals_the_formulas_at_the_papers_parameters():
    query, gallery = people(7, 10, 70)
    assert rerank(query, gallery) == pytest.approx(naive(query, gallery, 20, 6, 0.3), rel=0, abs=1e-6)


def test_neighbours_that_float32_products_cannot_tell_apart_are_told_apart():
    """A common offset of 100 leaves squares of 10^4 a hundred-thousandth of float32, more than these gaps."""
    query, gallery = people(8, 4, 30)
    query, gallery = 100 + query * np.float32(1e-2), 100 + gallery * np.float32(1e-2)
    assert rerank(query, gallery, 6, 3) == pytest.approx(naive(query, gallery, 6, 3, 0.3), rel=0, abs=1e-6)


SPREADS = {
    "random": lambda generator, shape: generator.standard_normal(shape),
    "clustered": lambda generator, shape: (
        10 * generator.integers(-1, 2, (shape[0], 1)) + generator.standard_normal(shape) * 1e-3
    ),
    "duplicates": lambda generator, shape: generator.integers(-1, 2, (5, shape[1]))[
        generator.integers(5, size=shape[0])
    ],
    "ties": lambda generator, shape: generator.integers(-2, 3, shape),
    "one far away": lambda generator, shape: (
        generator.standard_normal(shape) * np.where(np.arange(shape[0]), 1, 1e4)[:, None]
    ),
}


@settings(max_examples=60, deadline=None)
@given(
    spread=st.sampled_from(sorted(SPREADS)),
    seed=st.integers(0, 10**6),
    images=st.integers(1, 70),
    dimensions=st.integers(1, 20),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    block=st.integers(1, 40),
)
def test_neighbours_are_those_by_distance_in_float64_then_by_row(spread, seed, images, dimensions, sizes, block):
    """Also with duplicates and exact ties, for any block size."""
    features = SPREADS[spread](np.random.default_rng(seed), (images, dimensions)).astype(np.float32)
    distances = np.square(features[:, None].astype(np.float64) - features[None]).sum(axis=2)
    queries = images // 3
    with mock.patch.object(neighbours, "BLOCK_IMAGES", block):
        found = neighbours.neighbourhood(torch.from_numpy(features), queries, sizes)
    for size in sizes:
        expected = np.argsort(distances, axis=1, kind="stable")[:, :size]
        assert np.array_equal(np.sort(found.rows[:, :size]), np.sort(expected))
    scale = 1e-6 * np.square(features).sum(axis=1).max() + 1e-12
    assert np.allclose(2 * found.farthest.numpy(), distances.max(axis=1), rtol=1e-6, atol=scale)
    assert np.allclose(2 * found.query_to_gallery.numpy(), distances[:queries, queries:], rtol=1e-6, atol=scale)


@settings(max_examples=12, deadline=None)
@given(spread=st.sampled_from(sorted(SPREADS)), seed=st.integers(0, 10**6), k1=st.integers(1, 7), k2=st.integers(1, 4))
def test_equals_the_formulas_whatever_the_features(spread, seed, k1, k2):
    features = SPREADS[spread](np.random.default_rng(seed), (36, 6)).astype(np.float32)
    query, gallery = features[:6], features[6:]
    with mock.patch.object(neighbours, "BLOCK_IMAGES", 16):
        assert rerank(query, gallery, k1, k2) == pytest.approx(naive(query, gallery, k1, k2, 0.3), rel=0, abs=1e-6)


def crowds(seed):
    """Two crowds 200 apart with 30 images each within a thousandth: more than the candidates of k1 = 5, and nearer to
    each other than what float32 products of such vectors leave."""
    generator = np.random.default_rng(seed)
    side = np.where(np.arange(60) % 2, 100, -100)[:, None]
    images = (side + 1e-3 * generator.standard_normal((60, 8))).astype(np.float32)
    return images[:8], images[8:]


def test_neighbours_beyond_the_candidates_of_float32_are_found():
    query, gallery = crowds(14)
    assert rerank(query, gallery, 5, 3) == pytest.approx(naive(query, gallery, 5, 3, 0.3), rel=0, abs=1e-6)


def test_float32_alone_would_have_missed_them():
    query, gallery = crowds(14)
    with mock.patch.object(neighbours, "ROUNDING_FACTOR", 0):
        alone = rerank(query, gallery, 5, 3)
    assert np.abs(alone - naive(query, gallery, 5, 3, 0.3)).max() > 0.1


def test_the_same_features_give_the_same_bits():
    query, gallery = people(15, 40, 400)
    assert np.array_equal(rerank(query, gallery), rerank(query, gallery))


def test_fewer_images_than_k1_are_all_neighbours():
    query, gallery = people(9, 2, 5)
    assert rerank(query, gallery) == pytest.approx(naive(query, gallery, 20, 6, 0.3), rel=0, abs=1e-6)


def test_more_images_than_one_block_give_what_each_query_gets_in_any_order():
    """More than 1,024 images need several blocks; reversed queries give reversed rows."""
    query, gallery = people(10, 150, 1300, dimensions=32, count=90)
    forward, backward = rerank(query, gallery), rerank(query[::-1].copy(), gallery)
    assert forward == pytest.approx(backward[::-1], rel=0, abs=1e-6)


def test_all_of_lambda_leaves_the_order_of_the_euclidean_distances():
    query, gallery = people(11, 6, 50)
    expected = np.linalg.norm(query[:, None].astype(np.float64) - gallery[None], axis=2)
    assert np.array_equal(np.argsort(rerank(query, gallery, lambda_value=1)), np.argsort(expected))


def test_scaling_and_shifting_all_features_changes_nothing():
    query, gallery = people(12, 6, 50)
    assert rerank(query * 4 + 2, gallery * 4 + 2) == pytest.approx(rerank(query, gallery), rel=0, abs=1e-6)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1])
def test_images_all_alike_are_at_distance_zero(value):
    assert np.abs(rerank(np.full((2, 3), value), np.full((9, 3), value), 3, 2)).max() < 1e-6


def test_a_group_of_mutual_neighbours_ends_nearer_than_a_nearer_lone_image():
    """The purpose of re-ranking: images of the query's person are mutual neighbours, its nearest image is not."""
    query = np.array([[0.0, 0.0]])
    group = np.array([[1.0, 0.00], [1.1, 0.05], [1.1, -0.05], [1.2, 0.0]])
    lone = np.array([[-0.95, 0.0]])
    its_crowd = np.array([[-1.3, 0.02 * step] for step in range(-4, 5)])
    distances = rerank(query, np.concatenate([group, lone, its_crowd]), k1=5, k2=1)[0]
    assert distances[:4].max() < distances[4]


def test_tensors_give_what_arrays_give():
    query, gallery = people(13, 4, 30)
    assert np.array_equal(rerank(torch.from_numpy(query), torch.from_numpy(gallery)), rerank(query, gallery))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k1": 0}, "k1=0"),
        ({"k2": 0}, "k2=0"),
        ({"lambda_value": 1.5}, r"lambda=1\.5"),
        ({"gallery_features": np.ones((3, 4))}, "3 dimensions and gallery features 4"),
        ({"query_features": np.diag([1, 1, np.nan])}, "1 of 3 rows hold NaN.* the first is row 2"),
    ],
)
def test_bad_input_gets_one_sentence(change, message):
    with pytest.raises(BadInput, match=message):
        rerank(**({"query_features": np.eye(3), "gallery_features": np.eye(3)} | change))
