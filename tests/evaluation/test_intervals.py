"""Bootstrap intervals of the metrics, by query and by identity."""

import numpy as np
import pytest

from harness.errors import BadInput
from harness.evaluation import bootstrap
from harness.evaluation.intervals import INTERVAL_METRICS, intervals
from harness.evaluation.metrics import Scores
from harness.evaluation.ranking import TOP_ROWS, Ranking


def scores_of(first_ranks):
    """Scores of queries with a single match each, at these ranks (0: no match)."""
    ranks = np.array([rank for rank in first_ranks if rank], np.int32)
    offsets = np.concatenate([[0], np.cumsum(np.asarray(first_ranks) > 0)])
    return Scores.of(Ranking(ranks, offsets, np.full((len(first_ranks), TOP_ROWS), -1, np.int32)))


def test_every_interval_holds_its_metric_and_repeats_with_its_seed():
    generator = np.random.default_rng(0)
    scores, ids = scores_of(generator.integers(0, 30, 200)), generator.integers(0, 40, 200)
    result = intervals(scores, ids)
    assert set(result) == set(INTERVAL_METRICS)
    for metric, kinds in result.items():
        for low, high in kinds.values():
            assert 0 <= low < scores.metrics[metric] < high <= 100
    assert result == intervals(scores, ids)
    assert result != intervals(scores, ids, seed=1)


def test_queries_of_one_person_that_rise_and_fall_together_widen_the_interval_by_identity():
    first_ranks = np.repeat(np.random.default_rng(1).integers(1, 20, 50), 10)  # ten equal queries per person
    result = intervals(scores_of(first_ranks), np.repeat(np.arange(50), 10))["map"]
    width = {kind: high - low for kind, (low, high) in result.items()}
    assert width["by_identity"] == pytest.approx(np.sqrt(10) * width["by_query"], rel=0.15)


def test_with_one_query_per_person_both_intervals_are_the_same():
    result = intervals(scores_of(np.random.default_rng(2).integers(0, 9, 80)), np.arange(80))
    assert all(kinds["by_query"] == kinds["by_identity"] for kinds in result.values())


def test_the_interval_of_rank_1_is_that_of_a_binomial_proportion():
    low, high = intervals(scores_of([1] * 300 + [2] * 100), np.arange(400))["rank1"]["by_query"]
    half_width = 100 * 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert (low, high) == (pytest.approx(75 - half_width, abs=0.4), pytest.approx(75 + half_width, abs=0.4))


def test_draws_are_the_same_a_few_at_a_time(monkeypatch):
    scores, ids = scores_of(np.random.default_rng(3).integers(1, 9, 60)), np.arange(60) // 3
    expected = intervals(scores, ids, draws=250)
    monkeypatch.setattr(bootstrap, "BLOCK_DRAWS", 7)
    few = intervals(scores, ids, draws=250)
    for metric, kinds in expected.items():
        for kind, bounds in kinds.items():
            assert few[metric][kind] == pytest.approx(bounds, abs=1e-9)


def test_each_draw_takes_as_many_clusters_as_there_are():
    blocks = [*bootstrap.resampled_counts(17, 230, np.random.default_rng(0))]
    assert sum(map(len, blocks)) == 230
    assert all(np.all(block.sum(axis=1) == 17) for block in blocks)


def test_identities_that_are_not_one_per_query_are_refused():
    with pytest.raises(BadInput, match="3 identities for 2 queries"):
        intervals(scores_of([1, 1]), np.array([1, 2, 3]))
