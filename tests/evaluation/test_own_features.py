"""Features of a user's own: the files they come in, the protocols they are scored by, and what is refused."""

import numpy as np
import pytest

from harness.datasets import DATASETS
from harness.errors import BadInput
from harness.evaluation import evaluate, score_file
from harness.evaluation.own_features import protocol_for
from harness.evaluation.protocols import PROTOCOLS
from harness.evaluation.scoring import Reranking

RNG = np.random.default_rng(0)
PEOPLE = np.arange(1, 9)
ARRAYS = {
    "query": RNG.standard_normal((8, 6)).astype(np.float32),
    "gallery": RNG.standard_normal((24, 6)).astype(np.float32),
    "query_ids": PEOPLE,
    "gallery_ids": np.tile(PEOPLE, 3),
    "query_cams": np.full(8, 1),
    "gallery_cams": np.repeat([1, 2, 2], 8),
}


def saved(folder, **changed):
    """The arrays with changes, without those that are None, as one npz file."""
    path = folder / "features.npz"
    np.savez(path, **{name: array for name, array in {**ARRAYS, **changed}.items() if array is not None})
    return path


def written(folder, rows, columns="split,id,camera"):
    """Two npy files, and a CSV with these rows."""
    for split in ("query", "gallery"):
        np.save(folder / f"{split}.npy", ARRAYS[split])
    (folder / "labels.csv").write_text("\n".join([columns, *rows]))
    return folder / "query.npy", folder / "gallery.npy", folder / "labels.csv"


def rows_of(split):
    pairs = zip(ARRAYS[f"{split}_ids"], ARRAYS[f"{split}_cams"], strict=True)
    return [f"{split},{identity},{camera}" for identity, camera in pairs]


def in_memory(**settings):
    names = ("query", "gallery", "query_ids", "gallery_ids", "query_cams", "gallery_cams")
    return evaluate(*(ARRAYS[name] for name in names), **settings)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_file_gives_the_figures_of_its_arrays(tmp_path, metric):
    assert score_file(saved(tmp_path), metric=metric).metrics == in_memory(metric=metric)


def test_two_files_and_a_csv_give_the_figures_of_one_file_whatever_the_order_of_splits(tmp_path):
    one = score_file(saved(tmp_path)).metrics
    query, gallery = rows_of("query"), rows_of("gallery")
    mixed = [*gallery[:5], *query[:2], *gallery[5:], *query[2:]]
    assert score_file(*written(tmp_path, mixed)).metrics == one


def test_a_dataset_stands_for_its_protocol(tmp_path):
    for spec in DATASETS.values():
        assert protocol_for(spec.id) is PROTOCOLS[spec.protocol if spec.id not in PROTOCOLS else spec.id]
    path = saved(tmp_path)
    assert score_file(path, protocol="occluded_reid").metrics == score_file(path, protocol="without_cameras").metrics


def test_features_without_cameras_are_scored_where_the_protocol_reads_none(tmp_path):
    path = saved(tmp_path, query_cams=None, gallery_cams=None)
    scored = score_file(path, protocol="without_cameras")
    assert scored.metrics == in_memory(protocol="without_cameras")
    assert not any("same-camera" in label for rung in scored.ladder().rungs for label in rung.switches)


def test_intervals_hold_the_figure_and_the_cmc_starts_at_rank_1(tmp_path):
    scored = score_file(saved(tmp_path))
    low, high = scored.intervals["map"]["by_identity"]
    assert low < scored.metrics["map"] < high
    assert scored.scores.cmc[0] == scored.metrics["rank1"]


def test_a_ladder_without_published_figures_turns_one_switch_at_a_time_and_measures_from_the_own_figure(tmp_path):
    scored = score_file(saved(tmp_path))
    ladder = scored.ladder()
    assert ladder.recorded.remaining == 0
    (trapezoid,) = (rung for rung in ladder.rungs if "trapezoid" in rung.switches[0])
    assert trapezoid.figures["map"] == scored.metrics["map_trapezoid"]
    assert all(len(rung.switches) == 1 for rung in ladder.rungs)


def test_a_ladder_finds_the_rule_behind_a_published_figure(tmp_path):
    path = saved(tmp_path)
    by_euclid = score_file(path, metric="euclidean", reranking=Reranking()).metrics
    nearest = score_file(path).ladder({"map": by_euclid["map"], "rank1": by_euclid["rank1"]}).rungs[0]
    assert nearest.remaining < 1e-9
    assert set(nearest.switches) == {"Euclidean distance of features as they are", "re-ranking (20, 6, 0.3)"}


NAN = ARRAYS["gallery"].copy()
NAN[3, 2] = np.nan


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"gallery": ARRAYS["gallery"][:, :4]}, "query features have 6 dimensions and gallery features 4"),
        ({"query_ids": PEOPLE[:5]}, "query_ids holds 5 labels for 8 query features; give one per image"),
        ({"gallery_cams": np.ones(3, int)}, "gallery_cams holds 3 labels for 24 gallery features"),
        ({"gallery": NAN}, "gallery features: 1 of 24 rows hold NaN"),
        ({"query_ids": None}, "has no array 'query_ids' (it has gallery, "),
        ({"gallery_cams": None}, "has no array 'gallery_cams'"),
        ({"query_cams": None, "gallery_cams": None}, "no image has a camera"),
        ({"query_ids": PEOPLE.astype(float)}, "query_ids must be a list of whole numbers"),
        ({"query_ids": PEOPLE.astype(str)}, "query_ids must be a list of whole numbers"),
        ({"query": ARRAYS["query"][0]}, "query must be a matrix, one row per image, not of shape (6,)"),
        ({"query": np.float32(1)}, "query must be a matrix, one row per image, not of shape ()"),
        ({"gallery_ids": ARRAYS["gallery_ids"] + 100}, "8 of 8 queries have no match"),
        ({"junk": ARRAYS["gallery"]}, "has no array 'junk_cams'"),
        ({"junk": ARRAYS["gallery"][:, :4], "junk_cams": np.ones(24, int)}, "junk has 4 dimensions and gallery 6"),
        ({"junk": ARRAYS["gallery"], "junk_cams": np.ones(2, int)}, "one camera for each of the 24 junk images"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_scored_is_named_with_its_file(tmp_path, changed, said):
    with pytest.raises(BadInput) as error:
        score_file(saved(tmp_path, **changed))
    assert str(error.value).startswith(str(tmp_path / "features.npz")) and said in str(error.value)


@pytest.mark.parametrize(
    ("rows", "columns", "said"),
    [
        ([*rows_of("query")[:5], *rows_of("gallery")], "split,id,camera", "query_ids holds 5 labels for 8"),
        (["query,1,1"], "part,id,camera", "labels.csv has no column 'split' (it has part, id, camera)"),
        (["query,1,1"], "split,person,camera", "labels.csv has no column 'id'"),
        (["query,1,1", "probe,2,1"], "split,id,camera", "labels.csv, line 3: the split is 'probe'"),
        (["query,Ann,1"], "split,id,camera", "labels.csv, line 2: the id is 'Ann'; write a whole number"),
        (["query,1"], "split,id,camera", "labels.csv, line 2: the camera is None; write a whole number"),
        ([], "", "labels.csv has no column 'split' (it has none)"),
    ],
)
def test_a_csv_that_does_not_fit_is_named_with_its_line_or_column(tmp_path, rows, columns, said):
    with pytest.raises(BadInput) as error:
        score_file(*written(tmp_path, rows, columns))
    assert said in str(error.value)


def test_an_unknown_protocol_gets_the_nearest(tmp_path):
    with pytest.raises(BadInput, match="unknown protocol or dataset 'market1051'; the nearest known: 'market1501'"):
        score_file(saved(tmp_path), protocol="market1051")


def test_files_that_are_no_features_are_named(tmp_path):
    (tmp_path / "text.npz").write_text("no features")
    with pytest.raises(BadInput, match=r"text\.npz is damaged"):
        score_file(tmp_path / "text.npz")
    with pytest.raises(BadInput, match=r"none\.npz is not there"):
        score_file(tmp_path / "none.npz")
    query, _, labels = written(tmp_path, [*rows_of("query"), *rows_of("gallery")])
    with pytest.raises(BadInput, match=r"none\.npy is not there"):
        score_file(query, tmp_path / "none.npy", labels)
    with pytest.raises(BadInput, match=r"features\.npz holds several arrays"):
        score_file(query, saved(tmp_path), labels)
    with pytest.raises(BadInput, match=r"text\.npz cannot be read as an npy file"):
        score_file(query, tmp_path / "text.npz", labels)
    with pytest.raises(BadInput, match=r"give QUERY.npy GALLERY.npy --labels CSV"):
        score_file(query, query)
    (tmp_path / "latin.csv").write_bytes(b"split,id\nqu\xe9ry,1\n")
    with pytest.raises(BadInput, match=r"latin\.csv cannot be read as CSV"):
        score_file(query, query, tmp_path / "latin.csv")


def test_a_split_without_features_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"features.npz: query holds no features; give one row per image"):
        score_file(saved(tmp_path, query=np.zeros((0, 6), np.float32), query_ids=PEOPLE[:0], query_cams=PEOPLE[:0]))


def test_one_npy_file_alone_is_told_what_goes_with_it(tmp_path):
    query, _, _ = written(tmp_path, rows_of("query"))
    with pytest.raises(BadInput, match=r"query.npy has no labels; give QUERY.npy GALLERY.npy --labels CSV"):
        score_file(query)
