"""Signs of a collapsed network: losses that stand at their collapsed value, features of one direction, chance."""

import math

import numpy as np
import pytest

from harness.evaluation.degeneracy import (
    CollapsedLosses,
    chance_precision,
    degeneracy_of_features,
    degeneracy_of_map,
)

MARGIN = 0.3
COLLAPSED = CollapsedLosses({"id": math.log(10), "triplet_f": MARGIN, "centre": 1.0, "triplet_off": 0.0}, 2, 12)


@pytest.mark.parametrize("triplet", [[MARGIN] * 5, [2.0, 1.0, 0.301, 0.299, 0.3]])
def test_a_triplet_loss_that_stands_at_its_margin_after_the_warmup_is_a_sign(triplet):
    found = COLLAPSED.degeneracy({"id": [1.0] * 5, "triplet_f": triplet})
    assert found == {"sign": "triplet loss at collapse", "where": "triplet_f", "value": MARGIN, "collapsed": MARGIN}


@pytest.mark.parametrize(
    "triplet",
    [
        [MARGIN] * 4,  # the warm-up and two epochs
        [1.0, 0.8, 0.5, 0.3, 0.2],  # passes its margin on the way down
        [MARGIN, MARGIN, 0.3, 0.3, 0.25],
    ],
)
def test_a_triplet_loss_that_does_not_stay_at_its_margin_is_none(triplet):
    assert COLLAPSED.degeneracy({"triplet_f": triplet}) is None


def test_an_identity_loss_at_or_above_chance_is_a_sign():
    found = COLLAPSED.degeneracy({"id": [3.0, 2.6, 2.3, 2.31, 2.29]})
    assert found is not None and found["sign"] == "identity loss at chance"
    assert COLLAPSED.degeneracy({"id": [3.0, 2.6, 2.3, 2.31, 2.2]}) is None


def test_a_long_training_must_stand_still_for_a_tenth_of_its_epochs():
    long = CollapsedLosses({"id": 1.0}, 0, 100)
    assert long.degeneracy({"id": [1.0] * 9}) is None
    assert long.degeneracy({"id": [1.0] * 10}) is not None


def test_losses_that_tell_nobody_apart_by_design_are_not_watched():
    assert COLLAPSED.degeneracy({"centre": [1.0] * 5, "triplet_off": [0.0] * 5, "unknown": [1.0] * 5}) is None


def test_features_of_nearly_one_direction_are_a_sign_and_others_are_not():
    rng = np.random.default_rng(0)
    near = np.ones((20, 8)) + 0.01 * rng.standard_normal((20, 8))
    found = degeneracy_of_features(near.astype(np.float16), "f")
    assert found is not None and (found["sign"], found["where"]) == ("features of one direction", "f")
    assert degeneracy_of_features((near + 0.2 * rng.random((20, 8))).astype(np.float16), "f") is None


def test_the_chance_precision_is_the_mean_over_random_rankings():
    rng = np.random.default_rng(1)

    def precision():
        ranks = np.sort(rng.permutation(20)[:4]) + 1
        return np.mean(np.arange(1, 5) / ranks)

    assert chance_precision(4, 20) == pytest.approx(np.mean([precision() for _ in range(20_000)]), abs=0.005)


def test_an_map_near_chance_is_a_sign_and_queries_without_match_do_not_count():
    chance = 100 * chance_precision(4, 20)
    found = degeneracy_of_map(1.2 * chance, np.array([4, 0, 4]), 20)
    assert found is not None and (found["sign"], found["collapsed"]) == ("mAP at chance", pytest.approx(chance))
    assert degeneracy_of_map(1.3 * chance, np.array([4, 4]), 20) is None
