"""Claims: an ordering holds, is contradicted or stays undecided by a paired bootstrap by identity."""

import numpy as np
import pytest

from harness.errors import BadInput
from harness.evaluation.claims import ClaimSide, check_claim, check_gain
from harness.evaluation.metrics import Scores
from harness.evaluation.ranking import TOP_ROWS, Ranking


def side(ids, *first_ranks_of_seeds):
    """One row of a table: for each seed, the rank of each query's single match."""
    top = np.full((len(ids), TOP_ROWS), -1, np.int32)
    rankings = [Ranking(np.asarray(ranks, np.int32), np.arange(len(ids) + 1), top) for ranks in first_ranks_of_seeds]
    return ClaimSide(tuple(map(Scores.of, rankings)), np.asarray(ids))


IDS = np.repeat(np.arange(60), 5)
HARD = np.random.default_rng(0).integers(2, 12, 300)


def test_a_row_that_is_better_on_every_person_holds_and_the_mirror_is_contradicted():
    better, worse = side(IDS, HARD - 1), side(IDS, HARD)
    claim = check_claim(better, worse)
    expected = 100 * np.mean(1 / (HARD - 1) - 1 / HARD)
    assert claim.word == "holds"
    assert claim.difference == pytest.approx(expected)
    assert 0 < claim.interval[0] < expected < claim.interval[1]
    mirrored = check_claim(worse, better)
    assert (mirrored.word, mirrored.difference) == ("contradicted", pytest.approx(-expected))


def test_a_row_against_itself_is_undecided_at_exactly_zero():
    claim = check_claim(side(IDS, HARD), side(IDS, HARD))
    assert (claim.word, claim.difference, claim.interval) == ("undecided", 0, (0, 0))


def test_rank_1_claims_count_hits():
    better, worse = side(IDS, np.where(IDS < 30, 1, 4)), side(IDS, np.where(IDS < 12, 1, 4))
    claim = check_claim(better, worse, metric="rank1")
    assert (claim.word, claim.difference) == ("holds", pytest.approx(100 * 18 / 60))


def test_pairing_decides_a_small_constant_gain_under_a_large_spread_of_queries():
    ranks = np.random.default_rng(1).choice([1, 2, 60], 300)
    claim = check_claim(side(IDS, np.where(ranks == 60, 40, ranks)), side(IDS, ranks))
    assert claim.word == "holds" and claim.difference < 1


def test_seeds_that_disagree_leave_undecided_what_a_single_seed_would_decide():
    good, bad, middle = HARD - 1, HARD + 8, HARD
    assert check_claim(side(IDS, good), side(IDS, middle)).word == "holds"
    nested = check_claim(side(IDS, good, bad), side(IDS, middle))
    assert nested.word == "undecided"
    assert nested.seeds == (2, 1)
    assert nested.difference == pytest.approx(100 * np.mean((1 / good + 1 / bad) / 2 - 1 / middle))


def test_the_same_seed_draws_the_same_people():
    better, worse = side(IDS, HARD - 1), side(IDS, HARD)
    assert check_claim(better, worse) == check_claim(better, worse)
    assert check_claim(better, worse) != check_claim(better, worse, seed=1)


def test_the_95_percent_interval_covers_the_true_difference_about_that_often():
    """Simulated people: a person's queries share their difficulty, and the gain of the better row differs by person."""
    generator = np.random.default_rng(2)
    people, each, trials = 60, 4, 200
    ids = np.repeat(np.arange(people), each)
    # The gain of a query is AP 1 against 1/2 with its person's chance, uniform in 0..1: 25 points in the mean.
    covered = 0
    for trial in range(trials):
        gains = generator.random(people * each) < np.repeat(generator.random(people), each)
        claim = check_claim(
            side(ids, np.where(gains, 1, 2)), side(ids, np.full(people * each, 2)), seed=trial, draws=400
        )
        covered += claim.interval[0] <= 25 <= claim.interval[1]
    assert 0.88 <= covered / trials <= 0.99


@pytest.mark.parametrize(
    ("better", "worse", "message"),
    [
        (side([1, 2], [1, 1]), side([1, 3], [1, 1]), "not scored on the same queries"),
        (side([1, 2], [1, 1]), side([1, 2, 3], [1, 1, 1]), "not scored on the same queries"),
        (side([1, 2]), side([1, 2], [1, 1]), "better row of the claim has no scores"),
    ],
)
def test_two_rows_must_be_scored_on_the_same_queries(better, worse, message):
    with pytest.raises(BadInput, match=message):
        check_claim(better, worse)


def test_queries_with_other_matches_are_other_queries():
    offsets, top = np.array([0, 2, 3]), np.full((2, TOP_ROWS), -1, np.int32)
    two_matches = ClaimSide((Scores.of(Ranking(np.array([1, 2, 1], np.int32), offsets, top)),), np.array([1, 2]))
    with pytest.raises(BadInput, match="not scored on the same queries"):
        check_claim(two_matches, side([1, 2], [1, 1]))


def test_an_unknown_metric_offers_the_nearest():
    with pytest.raises(BadInput, match="'rank1'"):
        check_claim(side([1, 2], [1, 1]), side([1, 2], [1, 1]), metric="rank-1")


def test_a_gain_that_grows_along_a_dial_holds_and_one_that_stays_is_undecided_at_zero():
    baseline = side(IDS, HARD), side(IDS, HARD)
    grows = check_gain((side(IDS, HARD - 1), side(IDS, HARD)), baseline)
    assert grows.word == "holds"
    assert grows.difference == pytest.approx(100 * np.mean(1 / (HARD - 1) - 1 / HARD))
    stays = check_gain((side(IDS, HARD - 1), side(IDS, HARD - 1)), baseline)
    assert stays.word == "undecided"
    assert (stays.difference, *stays.interval) == pytest.approx((0, 0, 0), abs=1e-9)


def test_both_rows_may_fall_along_a_dial_as_long_as_the_better_one_falls_less():
    claim = check_gain((side(IDS, HARD + 1), side(IDS, HARD)), (side(IDS, HARD + 6), side(IDS, HARD)))
    assert claim.word == "holds" and claim.difference > 0


def test_positions_of_a_dial_with_other_queries_are_not_compared():
    with pytest.raises(BadInput, match="same queries"):
        check_gain((side(IDS, HARD), side(IDS, HARD)), (side(IDS, HARD), side(IDS[::-1].copy(), HARD)))
