"""Whether two records differ: the randomisation test against all signs written out, and what cannot be compared."""

from itertools import product

import numpy as np
import pytest

from harness.analysis.significance import significance
from harness.errors import BadInput
from harness.evaluation import score
from harness.files.atomic import write_arrays
from harness.results.store import Store
from tests.records import done_record, failed_record, passport, protocol

PEOPLE = 8


def record(store, name, noise, rule="without_cameras", dataset="sysu_all", metric="cosine", fingerprint="f"):
    """A record with the stored scores of made-up features, the same people and gallery for every name."""
    generator = np.random.default_rng(7)
    query_ids, gallery_ids = np.repeat(np.arange(PEOPLE), 3), np.repeat(np.arange(PEOPLE), 4)
    query_cams, gallery_cams = np.tile([3, 6, 6], PEOPLE), np.tile([1, 2, 4, 5], PEOPLE)
    centres = generator.standard_normal((PEOPLE, 16))
    query = centres[query_ids] + noise * generator.standard_normal((len(query_ids), 16))
    gallery = centres[gallery_ids] + noise * generator.standard_normal((len(gallery_ids), 16))
    scores = score(query, gallery, query_ids, gallery_ids, query_cams, gallery_cams, protocol=rule)
    folder = store.folder / name
    folder.mkdir(parents=True)
    write_arrays(folder / "scores.npz", {**vars(scores), "query_ids": query_ids})
    scored_by = {**protocol(rule), "metric": metric, "flip_test": False}
    made = done_record("t", name, dataset, protocol=scored_by, passport=passport(dataset, fingerprint))
    return {**made, "evaluation": name}, scores, query_ids


@pytest.mark.parametrize("rule", ["without_cameras", "sysu_all"])
def test_the_p_value_is_that_of_all_signs_of_each_persons_difference(tmp_path, rule):
    store = Store(tmp_path)
    better, first, query_ids = record(store, "better", 1.2, rule)
    worse, second, _ = record(store, "worse", 1.6, rule)
    found = significance(better, worse, store)
    differences = first.average_precision - second.average_precision
    sums = [differences[query_ids == person].sum() for person in range(PEOPLE)]
    totals = [abs(sum(s * d for s, d in zip(signs, sums, strict=True))) for signs in product((-1, 1), repeat=PEOPLE)]
    exact = np.mean([total >= abs(sum(sums)) - 1e-9 for total in totals])
    assert found.p_value == pytest.approx(exact, abs=0.02)  # four standard deviations of 10,000 draws
    assert found.compared.difference == pytest.approx(first.metrics["map"] - second.metrics["map"])


def test_a_record_does_not_differ_from_itself_and_differs_from_a_far_better_one(tmp_path):
    store = Store(tmp_path)
    good, _, _ = record(store, "good", 0.1)
    bad, _, _ = record(store, "bad", 8.0)
    same = significance(good, good, store)
    assert (same.p_value, same.compared.difference, same.compared.word) == (1, 0, "undecided")
    other = significance(bad, good, store, metric="rank1")
    assert other.p_value < 0.05 and other.compared.word == "contradicted"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": "sysu_indoor"}, r"differ in their dataset \(sysu_all and sysu_indoor\)"),
        ({"fingerprint": "g"}, "differ in their copy of the dataset"),
        ({"rule": "regdb"}, r"differ in their protocol \(without_cameras and regdb\)"),
        ({"metric": "euclidean"}, r"differ in their distance \(cosine and euclidean\)"),
    ],
)
def test_records_that_were_not_scored_alike_are_refused(tmp_path, change, message):
    store = Store(tmp_path)
    one, _, _ = record(store, "one", 1.0)
    other, _, _ = record(store, "other", 1.0, **change)
    with pytest.raises(BadInput, match=message):
        significance(one, other, store)


def test_a_record_that_failed_has_nothing_to_compare(tmp_path):
    store = Store(tmp_path)
    one, _, _ = record(store, "one", 1.0)
    for pair in ((one, failed_record("t", "other")), (failed_record("t", "other"), one)):
        with pytest.raises(BadInput, match=r"t-other-.* failed \(out of memory\); there is nothing to compare"):
            significance(*pair, store)


@pytest.mark.parametrize("keep", [0, 0.5])
def test_a_record_whose_scores_are_cut_short_is_named(tmp_path, keep):
    store = Store(tmp_path)
    one, _, _ = record(store, "one", 1.0)
    scores = tmp_path / "one" / "scores.npz"
    scores.write_bytes(scores.read_bytes()[: int(keep * scores.stat().st_size)])
    with pytest.raises(BadInput, match=r"one/scores\.npz holds no readable scores .*; run its cell again"):
        significance(one, one, store)


def test_a_record_whose_files_are_gone_is_named(tmp_path):
    store = Store(tmp_path)
    one, _, _ = record(store, "one", 1.0)
    other, _, _ = record(store, "other", 1.0)
    (tmp_path / "other" / "scores.npz").unlink()
    with pytest.raises(BadInput, match=r"other/scores\.npz was not kept; run the cell again"):
        significance(one, other, store)
