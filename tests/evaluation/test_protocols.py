"""The rule of each protocol: what is a match, what is junk, which queries have nothing to find."""

import numpy as np
import pytest
import torch

from harness.errors import BadInput
from harness.evaluation import evaluate
from harness.evaluation.multi_query import pool_queries
from harness.evaluation.protocols import PROTOCOLS, Protocol, check_queries, queries_without_match, relevance

GALLERY_IDS = np.array([7, 0, -1, 7, 8, 7])
GALLERY_CAMS = np.array([1, 1, 2, 2, 1, 3])


def test_matches_are_of_the_same_identity_in_another_camera():
    found = relevance(np.array([7, 8]), np.array([1, 2]), GALLERY_IDS, GALLERY_CAMS, "market1501")
    assert (found.matches[0].tolist(), found.matches[1].tolist()) == ([3, 5], [4])
    assert (found.junk[0].tolist(), found.junk[1].tolist()) == ([0], [])
    assert found.junk_for_all.tolist() == [2]


def test_without_the_same_camera_rule_the_querys_own_camera_counts():
    rule = Protocol("any_camera", same_camera_junk=False, junk_identity=None)
    found = relevance(np.array([7, -1]), np.array([1, 2]), GALLERY_IDS, GALLERY_CAMS, rule)
    assert (found.matches[0].tolist(), found.matches[1].tolist()) == ([0, 3, 5], [2])
    assert (len(found.junk.rows), len(found.junk_for_all)) == (0, 0)


def test_relevance_equals_a_loop_over_all_pairs():
    generator = np.random.default_rng(0)
    query_ids, gallery_ids = generator.integers(-1, 9, 40), generator.integers(-1, 9, 200)
    query_cams, gallery_cams = generator.integers(1, 4, 40), generator.integers(1, 4, 200)
    found = relevance(query_ids, query_cams, gallery_ids, gallery_cams, "market1501")
    for query in range(40):
        same = [row for row in range(200) if gallery_ids[row] == query_ids[query] and gallery_ids[row] != -1]
        assert found.matches[query].tolist() == [row for row in same if gallery_cams[row] != query_cams[query]]
        assert found.junk[query].tolist() == [row for row in same if gallery_cams[row] == query_cams[query]]


def test_queries_without_a_match_say_why():
    queries, reasons = queries_without_match(
        np.array([7, 8, 9, -1]), np.array([1, 1, 1, 1]), GALLERY_IDS, GALLERY_CAMS, "market1501"
    )
    assert queries.tolist() == [1, 2, 3]
    assert reasons == (
        "only same-camera images in the gallery",
        "identity not in the gallery",
        "identity not in the gallery",
    )


def test_some_queries_without_a_match_are_counted_and_only_such_queries_are_an_error_that_names_three():
    names = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    cams = np.ones(4, int)
    assert check_queries(names, np.array([7, 8, 9, 7]), cams, GALLERY_IDS, GALLERY_CAMS, "market1501") == 2
    with pytest.raises(BadInput) as error:
        check_queries(names, np.array([8, 9, 10, 11]), cams, GALLERY_IDS, GALLERY_CAMS, "market1501")
    assert "4 of 4 queries have no match: a.jpg (only same-camera" in str(error.value)
    assert "c.jpg (identity not in the gallery), ...;" in str(error.value)
    assert "d.jpg" not in str(error.value)


def test_multiple_query_has_the_rule_of_single_query_and_pools():
    single, multiple = PROTOCOLS["market1501"], PROTOCOLS["market1501_multi_query"]
    assert (single.same_camera_junk, single.junk_identity) == (multiple.same_camera_junk, multiple.junk_identity)
    assert multiple.pooled_queries and not single.pooled_queries


def test_a_pooled_query_is_the_mean_of_its_members_and_one_without_members_stays():
    query, extra = np.array([[1.0, 1.0], [5.0, 6.0]]), np.array([[2.0, 0.0], [4.0, 2.0], [9.0, 9.0]])
    pooled = pool_queries(query, extra, [(0, 1), ()])
    assert pooled.tolist() == [[3, 1], [5, 6]]
    assert query.tolist() == [[1, 1], [5, 6]]


def test_pooling_leaves_the_tensors_it_is_given_as_they_are():
    query = torch.ones(1, 2)
    pool_queries(query, torch.zeros(1, 2), [(0,)])
    assert query.tolist() == [[1, 1]]


@pytest.mark.parametrize(
    ("extra", "members", "message"),
    [
        (np.ones((3, 2)), [(0,)], "1 lists of members for 2 queries"),
        (np.ones((3, 2)), [(0,), (3,)], "a member of query 1 is no row of the 3 extra images"),
        (np.ones((3, 5)), [(0,), (1,)], "2 dimensions, extra ones 5"),
    ],
)
def test_members_that_do_not_fit_are_refused(extra, members, message):
    with pytest.raises(BadInput, match=message):
        pool_queries(np.ones((2, 2)), extra, members)


def test_a_query_of_camera_3_never_sees_camera_2_whatever_the_identity():
    query_ids, query_cams = np.array([7, 7, 8]), np.array([3, 6, 3])
    gallery_ids, gallery_cams = np.array([7, 7, 8, 8, 7]), np.array([1, 2, 2, 2, 5])
    found = relevance(query_ids, query_cams, gallery_ids, gallery_cams, "sysu_all")
    assert [found.matches[query].tolist() for query in range(3)] == [[0, 4], [0, 1, 4], []]
    assert [found.junk[query].tolist() for query in range(3)] == [[1, 2, 3], [], [1, 2, 3]]
    queries, reasons = queries_without_match(query_ids, query_cams, gallery_ids, gallery_cams, "sysu_all")
    assert queries.tolist() == [2]
    assert reasons == ("only images in the gallery that the protocol does not compare it with",)


def test_indoor_search_leaves_out_the_outdoor_cameras():
    gallery_cams = np.array([1, 2, 4, 5, 3])
    found = relevance(np.array([7]), np.array([6]), np.full(5, 7), gallery_cams, "sysu_indoor")
    assert (found.matches[0].tolist(), found.junk_for_all.tolist()) == ([0, 1], [2, 3, 4])


@pytest.mark.parametrize("protocol", list(PROTOCOLS))
def test_every_protocol_equals_a_loop_over_all_pairs(protocol):
    rule = PROTOCOLS[protocol]
    generator = np.random.default_rng(1)
    query_ids, gallery_ids = generator.integers(-1, 6, 30), generator.integers(-1, 6, 90)
    query_cams, gallery_cams = generator.integers(1, 7, 30), generator.integers(1, 7, 90)
    found = relevance(query_ids, query_cams, gallery_ids, gallery_cams, protocol)
    for query in range(30):
        matches, junk = [], []
        for row in range(90):
            same = gallery_ids[row] == query_ids[query]
            if gallery_ids[row] == rule.junk_identity:
                continue
            if rule.gallery_cameras is not None and gallery_cams[row] not in rule.gallery_cameras:
                continue
            own_camera = rule.same_camera_junk and same and query_cams[query] == gallery_cams[row]
            if own_camera or (query_cams[query], gallery_cams[row]) in rule.unseen_cameras:
                junk.append(row)
            elif same:
                matches.append(row)
        assert (found.matches[query].tolist(), found.junk[query].tolist()) == (matches, junk)


def test_partial_images_without_cameras_rank_the_whole_gallery():
    features = np.eye(4, dtype=np.float32)
    gallery = features[[1, 0, 2, 3]]
    found = evaluate(features, gallery, [1, 2, 3, 4], [2, 1, 3, 4], None, None, protocol="partial_single_shot")
    assert (found["map"], found["rank1"]) == (100, 100)
    # With one image per person the average precision is the reciprocal rank: here 1, 1, 1 and 1/2.
    gallery[3] = 0.5 * features[2]
    query = features.copy()
    query[3] = [0, 0, 1, 0]
    found = evaluate(query, gallery, [1, 2, 3, 4], [2, 1, 3, 4], None, None, protocol="partial_single_shot")
    assert (found["map"], found["rank1"], found["rank3"]) == (100 * 3.5 / 4, 75, 100)


def test_a_single_shot_gallery_with_two_images_of_a_person_is_refused():
    ids = np.array([1, 2, 2])
    with pytest.raises(BadInput, match="ranks one image per person, and the gallery holds 2 of person 2;"):
        check_queries(["a", "b", "c"], ids, np.zeros(3, int), ids, np.zeros(3, int), "partial_single_shot")


@pytest.mark.parametrize(
    ("query_cams", "gallery_cams", "protocol", "message"),
    [
        (None, [1, 1], "market1501", "query_cams is missing, but protocol 'market1501' compares cameras"),
        ([1, 1], None, "sysu_all", "gallery_cams is missing, but protocol 'sysu_all' compares cameras"),
        ([0, 0], [0, 0], "market1501", r"no image has a camera \(all numbers are 0\), but protocol 'market1501'"),
        ([1, -1], [2, 2], "market1501", r"1 image\(s\) have a negative camera number"),
        ([3, 6], [4, 5], "sysu_indoor", "gallery images of the cameras 1, 2, and the gallery holds none"),
    ],
)
def test_missing_cameras_are_one_clear_sentence(query_cams, gallery_cams, protocol, message):
    features = np.eye(2, dtype=np.float32)
    with pytest.raises(BadInput, match=message):
        evaluate(features, features, [1, 2], [1, 2], query_cams, gallery_cams, protocol=protocol)


def test_all_protocols_score_through_the_public_function():
    generator = np.random.default_rng(2)
    ids, gallery_ids = np.arange(1, 7), np.repeat(np.arange(1, 7), 2)
    query, gallery = generator.standard_normal((6, 8)), generator.standard_normal((12, 8))
    for protocol, rule in PROTOCOLS.items():
        keep = slice(None, None, 2) if rule.single_shot else slice(None)
        metrics = evaluate(
            query,
            gallery[keep],
            ids,
            gallery_ids[keep],
            np.array([3, 6] * 3),
            np.tile([1, 2], 6)[keep],
            protocol=protocol,
        )
        assert 0 < metrics["map"] <= 100 and metrics["queries"] == 6
