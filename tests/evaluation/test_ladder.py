"""The protocol gap ladder: a protocol switch planted in a published figure is found, alone or in a pair."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from harness.analysis.explain import as_text, explain
from harness.errors import BadInput
from harness.evaluation.ladder import RERANKINGS, Setting, StoredFeatures, build_ladder
from harness.evaluation.protocols import PROTOCOLS
from harness.evaluation.reranking import rerank
from harness.evaluation.scoring import evaluate
from harness.files.atomic import write_arrays
from harness.results.store import Store
from tests.records import done_record, failed_record

RULE = PROTOCOLS["market1501"]
RECORDED = Setting(flip=True)
METRICS = ("map", "rank1", "rank5")


def features_of(generator, centres, cameras, ids, cams):
    """People around their centres, shifted by camera, of unequal length (so that cosine and Euclidean differ)."""
    noise = 0.8 * generator.standard_normal((len(ids), centres.shape[1]))
    lengths = generator.uniform(0.5, 2, (len(ids), 1))
    return ((centres[ids + 1] + cameras[cams] + noise) * lengths).astype(np.float16)


@pytest.fixture(scope="module")
def arrays():
    """The stored arrays: 40 queries of 10 people, 160 gallery images (30 of them distractors, 0), 40 junk images."""
    generator = np.random.default_rng(0)
    centres, cameras = 0.45 * generator.standard_normal((12, 32)), 0.3 * generator.standard_normal((4, 32))
    labels = {
        "query": (1 + np.arange(40) % 10, generator.integers(1, 4, 40)),
        "gallery": (np.where(np.arange(160) < 30, 0, 1 + np.arange(160) % 10), generator.integers(1, 4, 160)),
        "junk": (np.full(40, -1), generator.integers(1, 4, 40)),
    }
    stored = {}
    for split, (ids, cams) in labels.items():
        stored[f"{split}_ids"], stored[f"{split}_cams"] = ids, cams
        stored[split] = features_of(generator, centres, cameras, ids, cams)
        stored[f"{split}_other_flip"] = stored[split] + features_of(generator, 0 * centres, 0 * cameras, ids, cams)
    return stored


@pytest.fixture
def stored(arrays, tmp_path):
    write_arrays(tmp_path / "features.npz", arrays)
    return StoredFeatures.read(tmp_path / "features.npz", flip=True)


def scored(arrays, protocol=RULE, end="", keep=None, junk=False, metric="cosine", trapezoid=False):
    """The figures by ``evaluate`` itself, on arrays put together by hand."""
    gallery = [arrays[f"gallery{name}"] for name in (end, "_ids", "_cams")]
    if keep is not None:
        gallery = [array[keep] for array in gallery]
    if junk:
        more = [arrays[f"junk{name}"] for name in (end, "_ids", "_cams")]
        gallery = [np.concatenate(pair) for pair in zip(gallery, more, strict=True)]
    features, ids, cams = gallery
    query = (arrays[f"query{end}"], arrays["query_ids"], arrays["query_cams"])
    found = evaluate(query[0], features, query[1], ids, query[2], cams, protocol, metric)
    return {metric: found["map_trapezoid" if trapezoid and metric == "map" else metric] for metric in METRICS}


def planted(arrays):
    """Switches by label, and the figures of somebody who scores with them turned."""
    no_rule = replace(RULE, same_camera_junk=False)
    ranked_junk = replace(RULE, junk_identity=None)
    known = arrays["gallery_ids"] > 0
    return {
        ("average precision in trapezoid form",): scored(arrays, trapezoid=True),
        ("Euclidean distance of features as they are",): scored(arrays, metric="euclidean"),
        ("without flip",): scored(arrays, end="_other_flip"),
        ("same-camera rule off",): scored(arrays, no_rule),
        ("distractors dropped",): scored(arrays, keep=known),
        ("junk kept",): scored(arrays, ranked_junk, junk=True),
        ("average precision in trapezoid form", "same-camera rule off"): scored(arrays, no_rule, trapezoid=True),
        ("without flip", "distractors dropped"): scored(arrays, end="_other_flip", keep=known),
        ("Euclidean distance of features as they are", "junk kept"): scored(
            arrays, ranked_junk, junk=True, metric="euclidean"
        ),
    }


@pytest.mark.parametrize("case", range(9))
def test_planted_switches_are_found(arrays, stored, case):
    switches, published = list(planted(arrays).items())[case]
    ladder = build_ladder(stored, RULE, RECORDED, published)
    assert ladder.recorded.remaining > 0.5
    assert ladder.closest.switches == switches
    assert ladder.closest.remaining == pytest.approx(0, abs=1e-9)
    assert ladder.rungs[0].remaining == ladder.closest.remaining


@pytest.mark.parametrize("parameters", RERANKINGS)
def test_planted_reranking_is_found_with_its_parameters(arrays, stored, parameters):
    query, gallery = (
        arrays[split].astype(np.float32) / np.linalg.norm(arrays[split].astype(np.float32), axis=1, keepdims=True)
        for split in ("query", "gallery")
    )
    distances = rerank(query, gallery, parameters.k1, parameters.k2, parameters.lambda_value)
    first, precision = [], []
    for row, identity, camera in zip(distances, arrays["query_ids"], arrays["query_cams"], strict=True):
        order = np.argsort(row, kind="stable")
        same = arrays["gallery_ids"][order] == identity
        hits = same[~(same & (arrays["gallery_cams"][order] == camera))]
        places = np.flatnonzero(hits) + 1
        first.append(places[0])
        precision.append(np.mean(np.arange(1, len(places) + 1) / places))
    published = {
        "map": 100 * np.mean(precision),
        "rank1": 100 * np.mean(np.array(first) <= 1),
        "rank5": 100 * np.mean(np.array(first) <= 5),
    }
    assert build_ladder(stored, RULE, RECORDED, published).closest.switches == (str(parameters),)


def test_rungs_come_nearest_first_and_a_figure_that_is_reproduced_needs_no_switch(arrays, stored):
    ladder = build_ladder(stored, RULE, RECORDED, scored(arrays))
    assert ladder.closest.switches == ()
    assert all(near.remaining <= far.remaining + 1e-6 for near, far in pairwise(ladder.rungs))
    assert {len(rung.switches) for rung in ladder.rungs} == {1, 2}


def test_what_is_not_stored_is_not_tried_and_what_moves_nothing_is_said(arrays, tmp_path):
    bare = {name: array for name, array in arrays.items() if not name.startswith("junk") and "other" not in name}
    write_arrays(tmp_path / "features.npz", bare)
    ladder = build_ladder(StoredFeatures.read(tmp_path / "features.npz", True), RULE, RECORDED, {"rank1": 50.0})
    tried = {switch for rung in ladder.rungs for switch in rung.switches}
    assert not tried & {"without flip", "junk kept"}
    assert "average precision in trapezoid form" in ladder.without_effect


def test_protocols_of_several_trials_are_not_reranked(arrays, stored):
    rule = replace(RULE, draw=lambda ids, cams: (np.arange(len(ids)), np.arange(len(ids))[::-1].copy()))
    ladder = build_ladder(stored, rule, RECORDED, scored(arrays, trapezoid=True))
    assert ladder.closest.switches == ("average precision in trapezoid form",)
    assert not any("re-ranking" in switch for rung in ladder.rungs for switch in rung.switches)


def record_of(arrays, published, folder):
    """A store with one evaluation whose features are without the optional arrays, and its record."""
    store = Store(folder)
    bare = {name: array for name, array in arrays.items() if not name.startswith("junk") and "other" not in name}
    write_arrays(store.path("runs/r/market1501-g/features.npz"), bare)
    record = done_record("t", "r", "market1501", metrics=scored(arrays))
    return store, record | {
        "published": published,
        "evaluation": "runs/r/market1501-g",
        "metrics_without_flip": scored(arrays, end="_other_flip") | {"map_trapezoid": 0.0},
    }


def test_a_record_is_explained_in_plain_lines(arrays, tmp_path):
    published = scored(arrays, replace(RULE, same_camera_junk=False))
    store, record = record_of(arrays, published | {"rank10": None}, tmp_path)
    ladder = explain(record, store)
    text = "\n".join(as_text(ladder))
    assert ladder.closest.switches == ("same-camera rule off",)
    assert "closes the gap" in text
    assert text.index("     0.00  same-camera rule off: map") > 0


def test_published_costs_are_no_figures_to_explain(arrays, tmp_path):
    published = scored(arrays) | {"params_m": 23.5, "time_s": 0.1}
    store, record = record_of(arrays, published, tmp_path)
    ladder = explain(record, store)
    assert set(ladder.recorded.figures) == set(METRICS)
    assert "params_m" not in "\n".join(as_text(ladder))


def test_flip_alone_is_explained_from_the_record_where_its_features_are_not_stored(arrays, tmp_path):
    store, record = record_of(arrays, scored(arrays, end="_other_flip"), tmp_path)
    assert explain(record, store).closest.switches == ("without flip",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (failed_record(kind="NaN loss"), r"failed \(NaN loss\); there is nothing to explain, run it again"),
        ({"published": {"map": None}}, "prints no figure for this cell"),
        ({"published": {"ncc": 1.0}}, r"none of the published metrics \(ncc\)"),
        ({"evaluation": "runs/gone"}, r"features\.npz was not kept; run its cell again"),
        ({"metrics": {"map": 3.0}}, r"does not give the figures .* again; --verify"),
    ],
)
def test_what_cannot_be_explained_says_why(arrays, tmp_path, change, message):
    store, record = record_of(arrays, {"map": 50.0}, tmp_path)
    with pytest.raises(BadInput, match=message):
        explain(record | change, store)
