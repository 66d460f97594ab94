"""Ranks, average precision, CMC and mINP: on rankings worked by hand, and against a naive full-sort reference."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import BadInput
from harness.evaluation import evaluate, score
from harness.evaluation.distance import distance_blocks
from harness.evaluation.metrics import METRICS, Scores
from harness.evaluation.protocols import relevance
from harness.evaluation.ranking import TOP_ROWS, Ranking, rank
from harness.files.atomic import write_arrays


def scores_of(distances, query_ids, gallery_ids, query_cams=None, gallery_cams=None):
    """Scores of a given distance matrix; by default queries are from camera 1 and the gallery from camera 2."""
    queries, gallery = np.shape(distances)
    query_cams = np.ones(queries, int) if query_cams is None else np.asarray(query_cams)
    gallery_cams = np.full(gallery, 2) if gallery_cams is None else np.asarray(gallery_cams)
    found = relevance(np.asarray(query_ids), query_cams, np.asarray(gallery_ids), gallery_cams, "market1501")
    return Scores.of(rank([np.asarray(distances, np.float32)], found))


def naive(distances, query_ids, gallery_ids, query_cams, gallery_cams):
    """Market-1501 scoring in float64 as its Matlab code walks the ranking, image by image."""
    step, trapezoid, penalty, first = [], [], [], []
    for query, row in enumerate(np.asarray(distances, np.float64)):
        wanted = sum(
            g_id == query_ids[query] and g_cam != query_cams[query]
            for g_id, g_cam in zip(gallery_ids, gallery_cams, strict=True)
        )
        if not wanted:
            continue
        precisions, area, old_recall, old_precision, place, hits = [], 0.0, 0.0, 1.0, 0, 0
        first_place = last_place = None
        for image in np.argsort(row, kind="stable"):
            if gallery_ids[image] == -1:
                continue
            if gallery_ids[image] == query_ids[query] and gallery_cams[image] == query_cams[query]:
                continue
            place += 1
            if gallery_ids[image] == query_ids[query]:
                hits += 1
                precisions.append(hits / place)
                first_place, last_place = first_place or place, place
            recall, precision = hits / wanted, hits / place
            area += (recall - old_recall) * (old_precision + precision) / 2
            old_recall, old_precision = recall, precision
        step.append(np.mean(precisions))
        trapezoid.append(area)
        penalty.append(wanted / last_place)
        first.append(first_place)
    ranks = {f"rank{k}": 100 * np.mean(np.array(first) <= k) for k in (1, 3, 5, 10, 20)}
    return {
        "map": 100 * np.mean(step),
        "map_trapezoid": 100 * np.mean(trapezoid),
        "minp": 100 * np.mean(penalty),
        **ranks,
    }


def labelled(generator, queries=30, gallery=400, people=12):
    """Made-up identities and cameras with junk (-1), distractors (0) and a query without a match."""
    query_ids = generator.integers(1, people + 1, queries)
    query_ids[0] = people + 5
    gallery_ids = generator.integers(-1, people + 1, gallery)
    return query_ids, gallery_ids, generator.integers(1, 4, queries), generator.integers(1, 4, gallery)


def features_of(generator, *labels, dimensions=16):
    centres = generator.standard_normal((40, dimensions))
    return [(centres[ids] + generator.standard_normal((len(ids), dimensions))).astype(np.float32) for ids in labels]


def test_matches_at_ranks_1_3_and_6_score_as_worked_on_paper():
    scores = scores_of([[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]], [7], [7, 1, 7, 2, 3, 7])
    assert scores.match_ranks.tolist() == [1, 3, 6]
    assert scores.average_precision[0] == pytest.approx((1 / 1 + 2 / 3 + 3 / 6) / 3)
    # Before each match the precision is 1 (the start), 1/2 at rank 2 and 2/5 at rank 5.
    assert scores.average_precision_trapezoid[0] == pytest.approx(
        ((1 + 1) / 2 + (1 / 2 + 2 / 3) / 2 + (2 / 5 + 3 / 6) / 2) / 3
    )
    assert scores.inverse_negative_penalty[0] == pytest.approx(3 / 6)


def test_a_first_match_at_rank_2_gives_the_trapezoid_a_quarter_and_the_step_a_half():
    scores = scores_of([[0.1, 0.2]], [7], [1, 7])
    assert (scores.average_precision[0], scores.average_precision_trapezoid[0]) == (0.5, 0.25)


def test_cmc_counts_the_first_match_only_and_over_valid_queries_only():
    distances = [[0.3, 0.1, 0.2, 0.4], [0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4]]
    scores = scores_of(distances, [1, 1, 99], [1, 2, 3, 1])  # first matches at ranks 3 and 1; query 99 has none
    assert scores.cmc[:4].tolist() == [50, 50, 100, 100]
    assert scores.cmc.shape == (50,)
    metrics = scores.metrics
    assert (metrics["rank1"], metrics["rank5"]) == (50, 100)
    assert (metrics["queries"], metrics["queries_without_match"]) == (3, 1)
    assert scores.valid.tolist() == [True, True, False]
    assert np.isnan(scores.average_precision[2])


def test_junk_and_same_camera_images_take_no_rank_and_distractors_do():
    distances = [[0.1, 0.2, 0.3, 0.4, 0.5]]
    scores = scores_of(distances, [7], [-1, 7, 0, 7, 7], query_cams=[1], gallery_cams=[2, 1, 2, 2, 3])
    assert scores.match_ranks.tolist() == [2, 3]
    assert scores.top[0].tolist() == [2, 3, 4, *[-1] * 7]


def test_of_equal_distances_the_earlier_gallery_row_ranks_first():
    scores = scores_of([[0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.2]], [2, 2], [1, 2, 1, 2])
    assert scores.match_ranks.tolist() == [2, 4, 1, 3]
    assert scores.top[:, :4].tolist() == [[0, 1, 2, 3], [3, 0, 1, 2]]


@pytest.mark.parametrize("distinct_distances", [3, 50, 10**6])
def test_equals_a_float64_full_stable_sort_on_the_same_distances(distinct_distances):
    generator = np.random.default_rng(distinct_distances)
    query_ids, gallery_ids, query_cams, gallery_cams = labelled(generator, gallery=2000)
    distances = generator.integers(distinct_distances, size=(30, 2000)).astype(np.float32) - distinct_distances // 2
    metrics = scores_of(distances, query_ids, gallery_ids, query_cams, gallery_cams).metrics
    expected = naive(distances, query_ids, gallery_ids, query_cams, gallery_cams)
    assert {name: metrics[name] for name in METRICS} == pytest.approx(expected, rel=0, abs=1e-12 * 100)


@pytest.mark.parametrize(("distinct_distances", "gallery"), [(2, 300), (4, 3000), (600, 3000), (10**6, 3000)])
def test_the_nearest_ten_are_those_of_a_full_stable_sort(distinct_distances, gallery):
    generator = np.random.default_rng(0)
    distances = generator.integers(distinct_distances, size=(20, gallery)).astype(np.float32)
    scores = scores_of(distances, np.ones(20, int), np.arange(gallery) % 50)
    assert np.array_equal(scores.top, np.argsort(distances, axis=1, kind="stable")[:, :TOP_ROWS])


def test_matches_ranked_by_sorting_and_by_counting_stand_where_a_full_stable_sort_puts_them():
    """In a gallery of 5,000 the matches are everywhere: the near ones are sorted, the far ones counted."""
    generator = np.random.default_rng(1)
    for distances in (generator.standard_normal((8, 5000)), generator.integers(900, size=(8, 5000))):
        scores = scores_of(distances, np.arange(8), np.arange(5000) % 50)
        places = np.empty_like(distances, dtype=int)
        np.put_along_axis(places, np.argsort(distances.astype(np.float32), kind="stable"), np.arange(5000)[None], 1)
        expected = [np.sort(places[query, np.arange(5000) % 50 == query]) + 1 for query in range(8)]
        assert np.array_equal(scores.match_ranks, np.concatenate(expected))


def test_a_gallery_that_is_junk_but_for_a_few_images_ranks_those_few():
    gallery_ids = np.full(3000, -1)
    gallery_ids[[7, 1400, 2999]] = [5, 6, 5]
    distances = np.random.default_rng(2).standard_normal((1, 3000))
    scores = scores_of(distances, [5], gallery_ids)
    order = np.array([7, 1400, 2999])[np.argsort(distances[0, [7, 1400, 2999]])]
    assert scores.top[0].tolist() == [*order, *[-1] * 7]
    assert scores.match_ranks.tolist() == [place + 1 for place, row in enumerate(order) if row != 1400]


def test_cosine_and_euclidean_rank_as_their_definitions_do():
    generator = np.random.default_rng(3)
    query, gallery = generator.standard_normal((5, 8)) * 3, generator.standard_normal((90, 8)) * 2
    units = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (query, gallery)]
    expected = {
        "cosine": 1 - units[0] @ units[1].T,
        "euclidean": np.linalg.norm(query[:, None] - gallery[None], axis=2),
    }
    for metric, distances in expected.items():
        (block,) = distance_blocks(query, gallery, metric)
        assert np.array_equal(np.argsort(block, axis=1), np.argsort(distances, axis=1))


def test_a_zero_vector_has_cosine_similarity_zero_to_all():
    gallery = np.array([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    blocks = distance_blocks(np.array([[2.0, 0.0], [0.0, 0.0]]), gallery)
    assert next(blocks).tolist() == [[1, 0, -1], [0, 0, 0]]


def test_copies_of_one_gallery_image_tie_exactly_however_few_images_there_are():
    generator = np.random.default_rng(4)
    for count in (2, 7, 33, 100):
        gallery = np.repeat(generator.standard_normal((1, 128)), count, axis=0)
        (block,) = distance_blocks(generator.standard_normal((3, 128)), gallery)
        assert np.all(block == block[:, :1])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), block=st.integers(1, 40), metric=st.sampled_from(["cosine", "euclidean"]))
def test_the_block_size_changes_nothing(seed, block, metric):
    generator = np.random.default_rng(seed)
    query_ids, gallery_ids, query_cams, gallery_cams = labelled(generator)
    query, gallery = features_of(generator, query_ids, gallery_ids, dimensions=256)
    arguments = (query, gallery, query_ids, gallery_ids, query_cams, gallery_cams, "market1501", metric)
    whole, blocks = score(*arguments), score(*arguments, block=block)
    assert np.array_equal(whole.match_ranks, blocks.match_ranks)
    assert np.array_equal(whole.top, blocks.top)
    distances = [np.concatenate([*distance_blocks(query, gallery, metric, size)]) for size in (256, block)]
    np.testing.assert_allclose(*distances, rtol=1e-5, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_permuting_a_gallery_without_ties_changes_nothing(seed):
    generator = np.random.default_rng(seed)
    query_ids, gallery_ids, query_cams, gallery_cams = labelled(generator)
    distances = generator.permutation(30 * 400).reshape(30, 400)
    order = generator.permutation(400)
    before = scores_of(distances, query_ids, gallery_ids, query_cams, gallery_cams)
    after = scores_of(distances[:, order], query_ids, gallery_ids[order], query_cams, gallery_cams[order])
    assert np.array_equal(before.match_ranks, after.match_ranks)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_adding_a_junk_image_changes_nothing(seed):
    generator = np.random.default_rng(seed)
    query_ids, gallery_ids, query_cams, gallery_cams = labelled(generator)
    distances = generator.standard_normal((30, 400))
    place = int(generator.integers(401))
    before = scores_of(distances, query_ids, gallery_ids, query_cams, gallery_cams)
    after = scores_of(
        np.insert(distances, place, generator.standard_normal(30), axis=1),
        query_ids,
        np.insert(gallery_ids, place, -1),
        query_cams,
        np.insert(gallery_cams, place, 2),
    )
    assert np.array_equal(before.match_ranks, after.match_ranks)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_perfect_ranking_scores_100_in_every_metric(seed):
    generator = np.random.default_rng(seed)
    query_ids, gallery_ids = generator.integers(1, 9, 20), np.concatenate([np.arange(9), generator.integers(0, 9, 60)])
    distances = (query_ids[:, None] != gallery_ids[None]) + generator.random((20, 69)) * 0.9
    metrics = scores_of(distances, query_ids, gallery_ids).metrics
    assert [metrics[name] for name in METRICS] == [pytest.approx(100)] * len(METRICS)


def test_arrays_tensors_and_half_precision_give_the_same_scores():
    generator = np.random.default_rng(5)
    labels = labelled(generator)
    query, gallery = (rows.astype(np.float16) for rows in features_of(generator, *labels[:2]))
    expected = evaluate(query, gallery, *labels)
    tensors = [torch.from_numpy(array) for array in (query, gallery, *labels)]
    assert evaluate(*tensors) == expected
    frozen = query.astype(np.float32)
    frozen.flags.writeable = False
    assert evaluate(frozen, gallery.astype(np.float64), *labels) == expected


def test_a_training_that_switched_on_low_precision_does_not_change_the_scores():
    generator = np.random.default_rng(6)
    query, gallery = generator.standard_normal((40, 512)), generator.standard_normal((300, 512))
    expected = next(distance_blocks(query, gallery))
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert np.array_equal(next(distance_blocks(query, gallery)), expected)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_stored_ranks_give_the_same_metrics_again(tmp_path):
    generator = np.random.default_rng(7)
    labels = labelled(generator)
    scores = score(*features_of(generator, *labels[:2]), *labels)
    write_arrays(tmp_path / "scores.npz", vars(scores))
    again = Scores.load(tmp_path / "scores.npz")
    assert again.metrics == scores.metrics
    assert np.array_equal(again.top, scores.top)
    assert np.array_equal(again.cmc, scores.cmc)


def test_a_damaged_file_of_scores_is_named(tmp_path):
    path = tmp_path / "scores.npz"
    with pytest.raises(BadInput, match=r"scores\.npz"):
        Scores.load(path)
    write_arrays(path, vars(scores_of([[0.1, 0.2]], [7], [1, 7])))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match=r"scores\.npz"):
        Scores.load(path)


def test_ranks_edited_after_the_fact_are_noticed(tmp_path):
    path = tmp_path / "scores.npz"
    scores = scores_of([[0.1, 0.2]], [7], [1, 7])
    np.savez(path, **{**vars(scores), "match_ranks": np.array([1], np.int32), "first_ranks": np.array([1], np.int32)})
    with pytest.raises(BadInput, match="do not follow from its ranks"):
        Scores.load(path)


@pytest.mark.parametrize(
    ("ranks", "offsets"),
    [([2, 1], [0, 2]), ([1, 1], [0, 2]), ([0], [0, 1]), ([1], [0, 2]), ([1], [1, 1]), ([], [0, 0])],
)
def test_numbers_that_cannot_be_ranks_are_refused(ranks, offsets):
    ranking = Ranking(np.array(ranks, np.int32), np.array(offsets), np.full((len(offsets) - 1, TOP_ROWS), -1, np.int32))
    with pytest.raises(BadInput):
        Scores.of(ranking)


FEATURES = np.eye(3, dtype=np.float32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gallery_features": np.diag([1, np.nan, np.nan])}, r"2 of 3 rows hold NaN.* the first is row 1"),
        ({"query_features": np.diag([1, 1, np.inf])}, r"1 of 3 rows hold NaN.* the first is row 2"),
        ({"gallery_features": np.ones((3, 4))}, r"3 dimensions and gallery features 4"),
        ({"gallery_features": np.ones(3)}, r"gallery features must be a matrix"),
        ({"gallery_features": np.array([["a", "b", "c"]] * 3)}, r"gallery features must be a matrix of numbers"),
        ({"query_ids": [1, 2]}, r"query_ids holds 2 labels for 3 query features"),
        ({"gallery_cams": [1.5, 2, 2]}, r"gallery_cams must be a list of whole numbers"),
        ({"gallery_ids": [4, 5, 6]}, r"3 of 3 queries have no match: query 0 \(identity not in the gallery\)"),
        ({"query_cams": [2, 2, 2]}, r"only same-camera images in the gallery"),
        ({"metric": "cosin"}, r"unknown metric 'cosin'; the nearest known: 'cosine'"),
        ({"protocol": "market"}, r"unknown protocol 'market'; the nearest known: 'market1501'"),
    ],
)
def test_bad_input_gets_one_sentence(change, message):
    arguments = {
        "query_features": FEATURES, "gallery_features": FEATURES, "query_ids": [1, 2, 3], "gallery_ids": [1, 2, 3],
        "query_cams": [1, 1, 1], "gallery_cams": [2, 2, 2],
    }  # fmt: skip
    with pytest.raises(BadInput, match=message):
        evaluate(**(arguments | change))


@pytest.mark.slow
def test_the_evaluation_package_needs_no_torch_until_it_scores_and_nothing_of_training_then():
    program = (
        "import sys, harness.evaluation, harness.evaluation.verdicts; assert 'torch' not in sys.modules;"
        "assert 'numpy' not in sys.modules; harness.evaluation.evaluate;"
        "assert not any(name.startswith(('harness.training', 'harness.reporting', 'methods')) for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
