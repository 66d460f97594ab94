"""Protocols of several trials: which galleries are drawn, what CMC counts, that the figures are means over trials."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from harness.errors import BadInput
from harness.evaluation import evaluate, score
from harness.evaluation.galleries import FixedGalleries, one_image_per_camera, read_fixed_galleries
from harness.evaluation.metrics import RANK_METRICS, Scores
from harness.evaluation.protocols import PROTOCOLS, Protocol
from harness.files.atomic import write_arrays

SYSU = PROTOCOLS["sysu_all"]


def distances_as_features(distances):
    """Features whose Euclidean distances order the gallery as ``distances`` (Q, G) does, for each query alone."""
    distances = np.asarray(distances, np.float32)
    # |g|^2 is made equal, so that -q.g gives the order, and each query reads its own row of the distances.
    gallery = distances.T
    rest = np.sqrt(np.maximum(1e3 - (gallery**2).sum(axis=1), 0))[:, None]
    gallery = np.hstack([gallery, rest]).astype(np.float32)
    query = np.hstack([-np.eye(len(distances)), np.zeros((len(distances), 1))]).astype(np.float32)
    return query, gallery


def made_up(seed, people=12, most=5):
    """Features and labels of infrared queries and a visible gallery. Some cameras did not see some people, and only
    camera 2 saw person 1, whom queries of camera 3 therefore cannot find."""
    generator = np.random.default_rng(seed)
    seen = generator.integers(0, most, (people, 7))
    seen[0] = np.array([0, 0, 2, 0, 0, 0, 0])
    gallery = [
        (person, camera)
        for person in range(1, people + 1)
        for camera in (1, 2, 4, 5)
        for _ in range(seen[person - 1, camera])
    ]
    queries = [(person, camera) for person in range(1, people + 1) for camera in (3, 6) for _ in range(2)]
    gallery_ids, gallery_cams = np.array(gallery).T
    query_ids, query_cams = np.array(queries).T
    centres = generator.standard_normal((people + 1, 8))
    query = (centres[query_ids] + generator.standard_normal((len(query_ids), 8))).astype(np.float32)
    rows = (centres[gallery_ids] + generator.standard_normal((len(gallery_ids), 8))).astype(np.float32)
    return query, rows, query_ids, gallery_ids, query_cams, gallery_cams


def authors_galleries(gallery_ids, gallery_cams, cameras):
    """The rule of DDAG's brief, with Python's global generator and one folder per person and camera."""
    state = random.getstate()
    trials = []
    for trial in range(10):
        random.seed(trial)
        chosen = []
        for person in sorted(set(gallery_ids.tolist())):
            for camera in cameras:
                folder = [
                    row for row in range(len(gallery_ids)) if (gallery_ids[row], gallery_cams[row]) == (person, camera)
                ]
                if folder:
                    chosen.append(random.choice(folder))
        trials.append(chosen)
    random.setstate(state)
    return trials


def naive_sysu(query, gallery, query_ids, gallery_ids, query_cams, gallery_cams, cameras):
    """The protocol in loops: for each trial and query a sorted list, repeated identities removed for CMC only."""
    unit = [rows / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True) for rows in (query, gallery)]
    similarity = unit[0] @ unit[1].T
    trials = []
    for chosen in authors_galleries(gallery_ids, gallery_cams, cameras):
        precisions, penalties, firsts = [], [], []
        for row in range(len(query)):
            ranked = sorted(chosen, key=lambda image: -similarity[row, image])
            ranked = [image for image in ranked if not (query_cams[row] == 3 and gallery_cams[image] == 2)]
            right = [place for place, image in enumerate(ranked, 1) if gallery_ids[image] == query_ids[row]]
            if not right:
                continue
            precisions.append(np.mean([found / place for found, place in enumerate(right, 1)]))
            penalties.append(len(right) / right[-1])
            people = list(dict.fromkeys(gallery_ids[image] for image in ranked))
            firsts.append(people.index(query_ids[row]) + 1)
        ranks = {name: np.mean(np.array(firsts) <= k) for name, k in RANK_METRICS.items()}
        trials.append({"map": np.mean(precisions), "minp": np.mean(penalties), **ranks})
    return {name: 100 * np.mean([trial[name] for trial in trials]) for name in trials[0]}


def test_cmc_counts_identities_and_average_precision_counts_images():
    # By distance: person 1 (camera 1), person 1 again (camera 4), then the query's person 7, then person 2.
    query, gallery = distances_as_features([[0.1, 0.2, 0.3, 0.4]])
    labels = ([7], [1, 1, 7, 2], [6], [1, 4, 5, 1])
    scores = score(query, gallery, *labels, protocol="sysu_all", metric="euclidean")
    assert scores.trials == 10
    assert scores.average_precision[0] == pytest.approx(1 / 3)
    assert scores.metrics["rank1"] == 0 and scores.cmc[1] == 100  # the second person, though the third image
    images = replace(SYSU, id="images", identity_cmc=False)
    assert score(query, gallery, *labels, protocol=images, metric="euclidean").cmc[1] == 0


def test_queries_without_a_match_count_in_no_mean():
    # The second query is of camera 3, and its person was seen by camera 2 only.
    query, gallery = distances_as_features([[0.1, 0.2], [0.1, 0.2]])
    metrics = evaluate(query, gallery, [7, 8], [7, 8], [6, 3], [1, 2], protocol="sysu_all", metric="euclidean")
    assert (metrics["map"], metrics["rank1"], metrics["queries"], metrics["queries_without_match"]) == (100, 100, 2, 1)


@pytest.mark.parametrize(("protocol", "cameras"), [("sysu_all", (1, 2, 4, 5)), ("sysu_indoor", (1, 2))])
@pytest.mark.parametrize("seed", range(3))
def test_sysu_equals_its_protocol_written_in_loops(protocol, cameras, seed):
    sides = made_up(seed)
    metrics = evaluate(*sides, protocol=protocol)
    expected = naive_sysu(*sides, cameras)
    assert metrics["queries_without_match"] > 0
    assert {name: metrics[name] for name in expected} == pytest.approx(expected, abs=1e-9)


def test_the_seeded_galleries_are_those_of_the_authors_rule():
    _, _, _, gallery_ids, _, gallery_cams = made_up(5)
    drawn = one_image_per_camera(gallery_ids, gallery_cams)
    assert [rows.tolist() for rows in drawn] == authors_galleries(gallery_ids, gallery_cams, (1, 2, 4, 5))


def test_a_person_that_a_camera_never_saw_takes_no_draw():
    ids, cams = np.array([1, 1, 1, 2, 2, 2, 2]), np.array([1, 1, 1, 1, 1, 5, 5])
    random.seed(3)
    expected = [random.choice([0, 1, 2]), random.choice([3, 4]), random.choice([5, 6])]
    assert one_image_per_camera(ids, cams)[3].tolist() == expected


def test_single_gallery_shot_shows_one_image_of_everybody_from_the_other_camera():
    people = np.arange(1, 9)
    gallery_ids, gallery_cams = np.repeat(people, 6), np.tile([1, 1, 1, 2, 2, 2], 8)
    generator = np.random.default_rng(0)
    query_ids, query_cams = np.repeat(people, 2), np.tile([1, 2], 8)
    query, gallery = generator.standard_normal((16, 4)), generator.standard_normal((48, 4))
    scores = score(
        query, gallery, query_ids, gallery_ids, query_cams, gallery_cams, protocol="cuhk03_single_gallery_shot"
    )
    assert np.diff(scores.offsets).tolist() == [1] * 16 * 10  # one right image in every trial
    assert scores.match_ranks.max() <= 8
    similarity = (query / np.linalg.norm(query, axis=1)[:, None]) @ (
        gallery / np.linalg.norm(gallery, axis=1)[:, None]
    ).T
    hits = []
    for trial in one_image_per_camera(gallery_ids, gallery_cams):
        for row in range(16):
            shown = [image for image in trial if gallery_cams[image] != query_cams[row]]
            hits.append(gallery_ids[max(shown, key=lambda image: similarity[row, image])] == query_ids[row])
    assert scores.metrics["rank1"] == pytest.approx(100 * np.mean(hits))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_one_trial_of_the_whole_gallery_is_the_ordinary_score(seed):
    generator = np.random.default_rng(seed)
    ids, cams = generator.integers(-1, 6, 80), generator.integers(1, 4, 80)
    features = generator.integers(0, 3, (80, 3)).astype(np.float32) + 1  # many equal distances
    sides = (features[:20], features[20:], ids[:20] % 6, ids[20:], cams[:20], cams[20:])
    whole = Protocol("whole", draw=lambda gallery_ids, gallery_cams: (np.arange(len(gallery_ids)),))
    one, ordinary = score(*sides, protocol=whole), score(*sides)
    assert one.metrics == ordinary.metrics
    assert np.array_equal(one.top, ordinary.top)
    assert np.array_equal(one.match_ranks, ordinary.match_ranks)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_order_of_the_people_in_the_gallery_changes_nothing(seed):
    query, gallery, query_ids, gallery_ids, query_cams, gallery_cams = made_up(seed)
    people = np.random.default_rng(seed).permutation(13)
    order = np.argsort(people[gallery_ids], kind="stable")  # within a person the images keep their order
    moved = (query, gallery[order], query_ids, gallery_ids[order], query_cams, gallery_cams[order])
    before = evaluate(query, gallery, query_ids, gallery_ids, query_cams, gallery_cams, protocol="sysu_all")
    assert evaluate(*moved, protocol="sysu_all") == pytest.approx(before)


def test_a_perfect_ranking_scores_100_in_every_metric_of_every_trial():
    _, _, query_ids, gallery_ids, query_cams, gallery_cams = made_up(1)
    one_hot = np.eye(13, dtype=np.float32)
    metrics = evaluate(
        one_hot[query_ids], one_hot[gallery_ids], query_ids, gallery_ids, query_cams, gallery_cams, protocol="sysu_all"
    )
    assert [metrics[name] for name in ("map", "minp", "map_trapezoid", *RANK_METRICS)] == [100] * 8


def owners_file(folder, gallery_ids, gallery_cams, generator):
    """A rand_perm_cam.mat: six cameras, in each a list of people, of each ten permutations of their images."""
    cameras = np.empty((6, 1), object)
    for camera in range(1, 7):
        people = np.empty((12, 1), object)
        for person in range(1, 13):
            images = np.count_nonzero((gallery_ids == person) & (gallery_cams == camera))
            people[person - 1, 0] = np.array([generator.permutation(images) + 1 for _ in range(10)], np.uint8)
        cameras[camera - 1, 0] = people
    savemat(folder / "rand_perm_cam.mat", {"rand_perm_cam": cameras})
    return folder / "rand_perm_cam.mat", cameras


def test_the_owners_galleries_take_the_first_image_of_each_permutation(tmp_path):
    sides = made_up(2)
    gallery_ids, gallery_cams = sides[3], sides[5]
    file, cameras = owners_file(tmp_path, gallery_ids, gallery_cams, np.random.default_rng(0))
    drawn = read_fixed_galleries(file)(gallery_ids, gallery_cams)
    assert len(drawn) == 10
    for trial, rows in enumerate(drawn):
        pairs = [(gallery_ids[row], gallery_cams[row]) for row in rows]
        assert sorted(set(pairs)) == sorted(set(zip(gallery_ids, gallery_cams, strict=True))) and len(
            set(pairs)
        ) == len(pairs)
        for row, (person, camera) in zip(rows, pairs, strict=True):
            folder = np.flatnonzero((gallery_ids == person) & (gallery_cams == camera))
            assert row == folder[cameras[camera - 1, 0][person - 1, 0][trial, 0] - 1]
    owners = replace(SYSU, id="sysu_all_owners", draw=read_fixed_galleries(file))
    assert evaluate(*sides, protocol=owners)["map"] != evaluate(*sides, protocol="sysu_all")["map"]


def test_owners_galleries_that_do_not_fit_or_cannot_be_read_are_named(tmp_path):
    ids, cams = np.array([1, 1]), np.array([1, 1])
    with pytest.raises(BadInput, match="person 1 has 2 images in camera 1, the file chooses number 3"):
        FixedGalleries({(1, 1): (1, 3)}, tmp_path / "rand_perm_cam.mat")(ids, cams)
    with pytest.raises(BadInput, match="the file chooses none"):
        FixedGalleries({}, tmp_path / "rand_perm_cam.mat")(ids, cams)
    (tmp_path / "other.mat").write_bytes(b"MATLAB 5.0 MAT-file, cut short")
    for name in ("missing.mat", "other.mat"):
        with pytest.raises(BadInput, match=rf"{name} is not the owners' rand_perm_cam\.mat"):
            read_fixed_galleries(tmp_path / name)


def test_a_feature_that_is_not_a_number_is_named_by_its_row_even_where_no_trial_draws_it():
    query, gallery, *labels = made_up(6)
    drawn = np.concatenate(one_image_per_camera(labels[1], labels[3]))
    row = next(iter(set(range(len(gallery))) - set(drawn.tolist())), len(gallery) - 1)
    gallery[row, 0] = np.nan
    with pytest.raises(BadInput, match=rf"gallery features: 1 of {len(gallery)} rows .* the first is row {row};"):
        evaluate(query, gallery, *labels, protocol="sysu_all")
    with pytest.raises(BadInput, match="query features have 8 dimensions and gallery features 7"):
        evaluate(query, gallery[:, 1:], *labels, protocol="sysu_all")


def test_trials_in_which_other_queries_have_a_match_are_refused():
    uneven = Protocol("uneven", same_camera_junk=False, draw=lambda ids, cams: (np.array([0]), np.array([1])))
    with pytest.raises(BadInput, match="the queries with a match differ between trials"):
        evaluate(np.eye(2), np.eye(2), [1, 2], [1, 2], [1, 1], [2, 2], protocol=uneven)


def test_stored_scores_of_several_trials_give_the_same_metrics_again(tmp_path):
    scores = score(*made_up(3), protocol="sysu_all")
    write_arrays(tmp_path / "scores.npz", vars(scores))
    again = Scores.load(tmp_path / "scores.npz")
    assert (again.trials, again.metrics) == (10, scores.metrics)
    assert np.array_equal(again.cmc, scores.cmc)
    np.savez(tmp_path / "scores.npz", **{**vars(scores), "first_ranks": scores.first_ranks + 400})
    with pytest.raises(BadInput, match="its first ranks do not follow from its ranks"):
        Scores.load(tmp_path / "scores.npz")


def test_stored_scores_without_the_number_of_trials_are_refused_in_one_sentence(tmp_path):
    scores = score(*made_up(4), protocol="without_cameras")
    np.savez(tmp_path / "scores.npz", **{name: value for name, value in vars(scores).items() if name != "trials"})
    with pytest.raises(BadInput, match=r"holds no readable scores .*trials.*; run its cell again"):
        Scores.load(tmp_path / "scores.npz")
