"""True positive rate at a false positive rate: exact, equal to a loop over thresholds, whatever the block."""

import numpy as np
import pytest

from harness.errors import BadInput
from harness.evaluation.distance import distance_blocks
from harness.evaluation.protocols import PROTOCOLS, relevance
from harness.evaluation.roc import FALSE_POSITIVE_RATES, roc

RATES = (0.0, 0.001, 0.01, 0.05, 0.1, 0.5, 1.0)


def made_up(seed, values=None):
    generator = np.random.default_rng(seed)
    ids, cams = generator.integers(-1, 7, 260), generator.integers(1, 4, 260)
    centres = generator.standard_normal((9, 6))
    features = (centres[ids] + generator.standard_normal((260, 6))).astype(np.float32)
    if values:
        features = generator.integers(-values, values + 1, (260, 3)).astype(np.float32)
    return features[:60], features[60:], ids[:60] % 7, ids[60:], cams[:60], cams[60:]


def pair_distances(query, gallery, metric):
    """All distances as they compare across queries; cosine from the engine's own, so that ties stay ties."""
    if metric == "cosine":
        return np.concatenate(list(distance_blocks(query, gallery)))
    return ((query[:, None].astype(np.float64) - gallery[None]) ** 2).sum(axis=2)


def naive(sides, protocol, metric):
    query, gallery, query_ids, gallery_ids, query_cams, gallery_cams = sides
    found = relevance(query_ids, query_cams, gallery_ids, gallery_cams, protocol)
    distances = pair_distances(query, gallery, metric)
    positive, negative = [], []
    for row in range(len(query)):
        for column in range(len(gallery)):
            if column in found.junk_for_all or column in found.junk[row]:
                continue
            (positive if column in found.matches[row] else negative).append(distances[row, column])
    positive, negative = np.array(positive), np.array(negative)
    best = []
    for rate in RATES:
        thresholds = [
            threshold for threshold in (*np.unique(positive), -np.inf) if np.mean(negative <= threshold) <= rate
        ]
        best.append(max(np.mean(positive <= threshold) for threshold in thresholds))
    return best, len(positive), len(negative)


@pytest.mark.parametrize("protocol", ["market1501", "without_cameras"])
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("metric", "values"), [("cosine", None), ("cosine", 2), ("euclidean", None)])
def test_the_curve_equals_a_loop_over_all_thresholds(protocol, seed, metric, values):
    sides = made_up(seed, values)
    curve = roc(*sides, PROTOCOLS[protocol], metric, RATES)
    expected, positives, negatives = naive(sides, protocol, metric)
    assert curve.true_positive_rates.tolist() == expected
    assert (curve.positives, curve.negatives) == (positives, negatives)


def test_the_curve_does_not_depend_on_the_block_and_rises():
    sides = made_up(3)
    whole = roc(*sides, PROTOCOLS["market1501"])
    in_pieces = roc(*sides, PROTOCOLS["market1501"], block=7)
    assert np.array_equal(whole.true_positive_rates, in_pieces.true_positive_rates)
    assert np.all(np.diff(whole.true_positive_rates) >= 0)
    assert whole.at(1.0) == 1


def test_the_usual_rates_are_points_of_the_curve():
    assert {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0} <= set(FALSE_POSITIVE_RATES)


def test_worked_by_hand():
    # Similarities to the query: matches 0.9, 0.5 and 0.1; others 0.8, 0.4, 0.3 and 0.2.
    similarities = np.array([0.9, 0.8, 0.5, 0.4, 0.3, 0.2, 0.1])
    gallery = np.stack([similarities, np.sqrt(1 - similarities**2)], axis=1).astype(np.float32)
    ids = np.array([1, 2, 1, 3, 4, 5, 1])
    ones = np.ones(7, int)
    curve = roc(
        np.array([[1, 0]], np.float32), gallery, np.array([1]), ids, ones[:1], ones, PROTOCOLS["without_cameras"],
        false_positive_rates=(0, 0.25, 0.5, 0.99, 1),
    )  # fmt: skip
    assert curve.true_positive_rates.tolist() == [1 / 3, 2 / 3, 2 / 3, 2 / 3, 1]


def test_rates_that_are_none_and_galleries_without_negatives_are_refused():
    sides = made_up(0)
    with pytest.raises(BadInput, match="between 0 and 1"):
        roc(*sides, PROTOCOLS["market1501"], false_positive_rates=(0.5, 1.5))
    curve = roc(*sides, PROTOCOLS["market1501"], false_positive_rates=(0.5,))
    with pytest.raises(BadInput, match=r"no point at the false positive rate 0\.1"):
        curve.at(0.1)
    one, two = np.ones(1, int), np.full(1, 2)
    with pytest.raises(BadInput, match="leaves no pair of different people"):
        roc(np.eye(1), np.eye(1), one, one, one, two, PROTOCOLS["market1501"])
