"""``reid-tables score``: what it prints of features of a user's own, and what it refuses."""

import json

import numpy as np
import pytest

from harness import run
from harness.commands.main import main
from harness.results.store import Store
from tests.evaluation.test_own_features import saved


def test_the_stored_features_of_a_cell_give_the_figures_that_verify_confirms(tmp_path, toy_alone, market_root, capsys):
    where = ("--results", str(tmp_path / "results"))
    row = ("--table", "toy_table", "--row", "Narrow", "--profile", "demo")
    folders = ("--data-root", str(market_root), *where, "--report", str(tmp_path / "pages"), "--device", "cpu")
    assert run.main([*row, "--dataset", "market1501", *folders]) == 0
    assert main(["verify", "toy_table-Narrow-market1501", *where]) == 0
    store = Store(tmp_path / "results")
    (record,) = store.records()
    features = store.path(record["evaluation"]) / "features.npz"
    capsys.readouterr()
    assert main(["score", str(features), "--protocol", "market1501", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["metrics"] == record["metrics"]
    assert found["intervals"] == record["intervals"]
    assert found["cmc"] == record["cmc"]


def test_figures_are_printed_with_intervals_cmc_and_ladder(tmp_path, capsys):
    assert main(["score", str(saved(tmp_path)), "--ladder", "--rerank"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(
        "8 queries, 24 gallery images, 6 dimensions\nprotocol market1501, cosine distance, re-ran"
    )
    assert "95 % interval by person" in printed and "CMC: rank 1 " in printed
    assert "without re-ranking: map" in printed


def test_published_figures_show_which_rule_comes_nearest(tmp_path, capsys):
    path = saved(tmp_path)
    assert main(["score", str(path), "--protocol", "without_cameras", "--json"]) == 0
    target = json.loads(capsys.readouterr().out)["metrics"]["map"]
    assert main(["score", str(path), "--published", f"map={target}"]) == 0
    assert "closes the gap" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--protocol", "sysu"), "unknown protocol or dataset 'sysu'; the nearest known: 'sysu_all'"),
        (("--published", "mAP=80"), "unknown metric 'mAP'; the nearest known: 'map'"),
        (("--published", "map=high"), "--published map=high: write METRIC=PERCENT, such as map=85.1"),
        (("b.npy", "c.npy"), "score is given 3 files; give one npz file, or two npy files and --labels"),
        (("b.npy",), "give QUERY.npy GALLERY.npy --labels CSV"),
        (("--protocol", "sysu_all", "--rerank"), "it is not scored with re-ranking"),
    ],
)
def test_bad_input_gets_one_sentence_and_exit_code_2(tmp_path, capsys, arguments, said):
    assert main(["score", str(saved(tmp_path)), *arguments]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ") and said in printed and printed.count("\n") == 1


def test_features_of_other_dimensions_get_one_sentence_and_exit_code_2(tmp_path, capsys):
    assert main(["score", str(saved(tmp_path, query=np.ones((8, 3))))]) == 2
    assert "query features have 3 dimensions and gallery features 6" in capsys.readouterr().err
