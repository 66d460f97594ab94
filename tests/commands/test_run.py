"""``python -m harness.run`` from end to end on a toy method and a miniature of Market-1501."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from harness import report
from harness.cell import Cell
from harness.results.frame import records_frame
from harness.results.store import Store
from harness.run import main
from harness.training import loop
from tests.conftest import forget_code
from tests.processes import wait_for

TABLE = ("--table", "toy_table", "--dataset", "market1501", "--profile", "demo")
TABLE += ("--device", "cpu", "--precision", "float32")


@pytest.fixture
def command(toy_alone, market_root, tmp_path, capsys):
    """Runs the command with the miniature's folders; returns exit code, what it printed, and the results store."""

    def run(*arguments, results="results"):
        folders = ("--data-root", market_root, "--results", tmp_path / results, "--report", tmp_path / "pages")
        code = main([str(argument) for argument in (*arguments, *folders)])
        said = capsys.readouterr()
        return code, said.out + said.err, Store(tmp_path / results)

    return run


def figures(store):
    """What must be the same for the same seed: figures and the digests of weights, features and ranks."""
    return {
        (record["row"], record["seed"]): (
            record["metrics"],
            record["receipt"]["weights_sha256"],
            record["receipt"]["evaluation_sha256"],
        )
        for record in store.records()
    }


def test_a_table_is_trained_evaluated_recorded_and_reported(command, tmp_path):
    code, said, store = command(*TABLE)
    assert code == 0
    assert "3 cells run, 0 failed" in said
    records = {record["row"]: record for record in store.records()}
    assert list(records) == ["Narrow", "Wide", "Wide, other feature"]
    assert records["Wide"]["run"] == records["Wide, other feature"]["run"] != records["Narrow"]["run"]
    assert records["Wide"]["published"] == {"rank1": 90.1, "map": 80.25}
    assert records["Wide"]["verdict"]["word"] == "not comparable"
    assert "demo profile" in records["Wide"]["verdict"]["reason"]
    assert records["Wide"]["receipt"]["initialisation"]["run"] == records["Narrow"]["run"]
    assert {"map", "rank1", "rank5", "rank10", "rank20", "minp"} <= records["Wide"]["metrics"].keys()
    assert (tmp_path / "pages" / "toy_table.html").exists()


def test_a_second_start_trains_and_evaluates_nothing(command, monkeypatch):
    command(*TABLE)
    monkeypatch.setattr(loop._Training, "epoch", lambda *_: pytest.fail("trained again"))
    code, said, _ = command(*TABLE)
    assert (code, "0 cells run, 0 failed, 0 blocked, 3 cached" in said) == (0, True)


def test_the_same_seed_gives_the_same_record_and_another_seed_another(command):
    first = figures(command(*TABLE, results="one")[2])
    assert figures(command(*TABLE, results="two")[2]) == first
    other = figures(command(*TABLE, "--seed", "1", "--row", "Narrow", results="two")[2])
    assert other["Narrow", 1][1] != first["Narrow", 0][1]


@pytest.mark.slow
def test_a_run_killed_between_epochs_goes_on_and_ends_the_same(command, monkeypatch):
    alone = figures(command(*TABLE, results="alone")[2])
    epochs = []
    train_epoch = loop._Training.epoch

    def killed(*arguments):
        epochs.append(arguments[1].epoch)
        if len(epochs) == 3:
            raise KeyboardInterrupt
        train_epoch(*arguments)

    monkeypatch.setattr(loop._Training, "epoch", killed)
    code, said, _ = command(*TABLE, results="killed")
    assert (code, "goes on from the last checkpoint" in said) == (130, True)
    code, _, store = command(*TABLE, results="killed")
    assert code == 0
    assert epochs[:4] == [0, 1, 2, 2]
    assert figures(store) == alone


@pytest.mark.slow
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(command, monkeypatch, tmp_path):
    alone = figures(command(*TABLE, "--row", "Narrow", results="alone")[2])
    train_epoch = loop._Training.epoch

    def killed(*arguments):
        if arguments[1].epoch == 2:
            raise KeyboardInterrupt
        train_epoch(*arguments)

    monkeypatch.setattr(loop._Training, "epoch", killed)
    command(*TABLE, "--row", "Narrow", results="killed")
    monkeypatch.setattr(loop._Training, "epoch", train_epoch)
    (checkpoint,) = (tmp_path / "killed").glob("runs/*/checkpoint.pt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    assert figures(command(*TABLE, "--row", "Narrow", results="killed")[2]) == alone


def test_a_failing_cell_leaves_its_cause_and_stops_no_other(command):
    code, said, store = command("--table", "toy_failures", "--dataset", "market1501", "--profile", "demo")
    assert code == 1
    assert "1 cells run, 2 failed" in said
    records = {record["row"]: record for record in store.records()}
    assert records["Works"]["status"] == "done"
    assert records["Raises"]["cause"]["kind"] == "error"
    assert records["Raises"]["cause"]["message"] == "the toy <broke>"
    assert any("RuntimeError" in line for line in records["Raises"]["cause"]["log_tail"])
    assert records["NaN"]["cause"]["kind"] == "NaN loss"
    assert records["NaN"]["verdict"]["word"] == "failed"
    code, said, store = command("--table", "toy_failures", "--dataset", "market1501", "--profile", "demo")
    assert "0 cells run, 2 failed, 0 blocked, 1 cached" in said
    assert {record["row"]: record for record in store.records()}["NaN"]["cause"]["attempts"] == 2


@pytest.mark.slow
def test_a_changed_function_makes_its_cells_stale_and_is_named(command, toy_method):
    command(*TABLE)
    assert "cached" in command("--why", "toy_table-Wide-market1501")[1]
    model = toy_method / "model.py"
    model.write_text(model.read_text().replace("return loss * 1.0", "return loss * 2.0"))
    forget_code()
    said = command("--why", "toy_table-Wide-market1501")[1]
    assert "stale: methods.toy.model:scaled changed" in said
    assert "3 stale" in command(*TABLE, "--dry-run")[1]


@pytest.mark.slow
def test_a_comment_changes_nothing_and_neither_does_a_renamed_data_root(
    command, toy_method, market_root, tmp_path, capsys
):
    command(*TABLE)
    model = toy_method / "model.py"
    model.write_text("# a remark\n" + model.read_text())
    forget_code()
    assert "3 cached" in command(*TABLE, "--dry-run")[1]
    moved = market_root.rename(market_root.with_name("elsewhere"))
    capsys.readouterr()
    main([*TABLE, "--data-root", str(moved), "--results", str(tmp_path / "results"), "--dry-run"])
    assert "3 cached" in capsys.readouterr().out


@pytest.mark.slow
def test_another_image_makes_the_cells_stale(command, market_root):
    command(*TABLE)
    train = market_root / "Market-1501-v15.09.15" / "bounding_box_train"
    first, second = sorted(train.iterdir())[:2]
    first.write_bytes(second.read_bytes())
    assert "passport was" in command("--why", "toy_table-Narrow-market1501")[1]


def test_verify_scores_again_and_names_what_was_changed(command, tmp_path):
    _, _, store = command(*TABLE, "--row", "Narrow")
    code, said, _ = command("--verify", "toy_table-Narrow-market1501")
    assert (code, "every figure agrees" in said) == (0, True)
    (record,) = store.records()
    scores = store.path(record["evaluation"]) / "scores.npz"
    content = dict(np.load(scores))
    content["match_ranks"] = content["match_ranks"] + 1
    np.savez(scores, **content)
    code, said, _ = command("--verify", "toy_table-Narrow-market1501")
    assert code == 1
    assert "scores.npz: changed since the record was written" in said
    weights = store.weights_path(record["run"])
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    assert "weights.safetensors: changed since" in command("--verify", "toy_table-Narrow-market1501")[1]


def test_verify_says_of_damaged_features_that_they_cannot_be_scored(command):
    _, _, store = command(*TABLE, "--row", "Narrow")
    (record,) = store.records()
    features = store.path(record["evaluation"]) / "features.npz"
    whole = features.read_bytes()
    for damage in (whole[: len(whole) // 2], b"", b"no npz file at all"):
        features.write_bytes(damage)
        code, said, _ = command("--verify", "toy_table-Narrow-market1501")
        assert code == 1
        assert "features.npz: changed since the record was written" in said
        assert "cannot be scored again" in said


def test_explain_scores_a_record_under_other_protocols_and_names_what_comes_nearest(command):
    command(*TABLE, "--row", "Wide")
    code, said, _ = command("--explain", "toy_table-Wide-market1501")
    assert code == 0
    assert "published: rank1 90.1, map 80.25" in said
    assert "trapezoid" in said


def test_two_cells_are_compared_metric_by_metric(command):
    command(*TABLE)
    first, second = "toy_table-Wide-market1501", "toy_table-Narrow-market1501"
    code, said, store = command("--compare", first, second)
    assert code == 0
    assert f"{first} over {second} (demo, seed 0)" in said
    figures = {record["cell"]: record["metrics"] for record in store.records()}
    for metric in ("map", "rank1"):
        difference = f"{figures[first][metric] - figures[second][metric]:+.2f}"
        line = rf"^{metric} +{re.escape(difference)} points, 95 % interval .*, p = [01]\.\d{{4}}$"
        assert re.search(line, said, re.MULTILINE)


@pytest.mark.slow
def test_cells_without_a_common_seed_are_not_compared(command):
    command(*TABLE, "--row", "Narrow")
    command(*TABLE, "--row", "Wide", "--seed", "1")
    code, said, _ = command("--compare", "toy_table-Wide-market1501", "toy_table-Narrow-market1501")
    assert (code, "have no record of one profile and seed; run both alike" in said) == (2, True)
    assert command("--compare", "toy_table-Wide-market1501", "toy_table-Wode-market1501")[0] == 2


def test_of_datasets_that_merely_lie_there_one_that_cannot_be_read_blocks_its_own_cells(command, market_root):
    (market_root / "Market-1501-v15.09.15" / "query" / "stray.jpg").write_bytes(b"")
    code, said, store = command("--table", "toy_table", "--row", "Narrow", "--device", "cpu")
    assert code == 1
    assert "blocked: toy_table-Narrow-market1501:" in said and "stray.jpg" in said
    assert command(*TABLE, "--row", "Narrow")[0] == 2
    assert store.records() == []


@pytest.mark.slow
def test_records_that_no_page_has_a_place_for_are_named_and_kept(command, tmp_path, capsys):
    store = command(*TABLE, "--row", "Narrow")[2]
    (record,) = store.records()
    for changes in ({"row": "Gone"}, {"table": "gone"}, {"dataset": "gone"}, {"profile": "gone"}):
        store.write_record(record | changes)
    assert report.main(["--results", str(store.folder), "--report", str(tmp_path / "pages")]) == 0
    said = capsys.readouterr().out
    for reason in (
        "toy_table has no row 'Gone'",
        "there is no table gone",
        "unknown dataset 'gone'",
        "no profile 'gone'",
    ):
        assert reason in said
    assert said.count("not shown, but kept: toy_table-Narrow-market1501") == 4
    assert "1 records, " in said


def test_roc_counts_all_pairs_that_the_protocol_ranks(command):
    store = command(*TABLE, "--row", "Wide")[2]
    (record,) = store.records()
    code, said, _ = command("--roc", record["cell"])
    assert code == 0
    with np.load(store.path(record["evaluation"]) / "features.npz") as stored:
        same = stored["query_ids"][:, None] == stored["gallery_ids"]
        other_camera = stored["query_cams"][:, None] != stored["gallery_cams"]
    assert f"{(same & other_camera).sum()} pairs of one person, {(~same).sum()} of two" in said
    assert re.search(r"^ +0\.1 +\d+\.\d\d %$", said, re.MULTILINE)
    assert "1e-06" not in said  # Not one in a million of so few pairs can be accepted.


def test_explain_ranks_junk_and_scores_without_flip_from_what_is_stored(command, market_root):
    """Market-1501's own junk is what a framework that keeps it would rank."""
    folder = market_root / "Market-1501-v15.09.15"
    shutil.copy(folder / "query" / "0101_c1s1_000000_00.jpg", folder / "bounding_box_test" / "-1_c2s1_000001_00.jpg")
    store = command(*TABLE, "--row", "Wide")[2]
    (record,) = store.records()
    with np.load(store.path(record["evaluation"]) / "features.npz") as stored:
        assert {"query_other_flip", "gallery_other_flip", "junk", "junk_other_flip", "junk_cams"} <= set(stored.files)
    said = command("--explain", "toy_table-Wide-market1501")[1]
    tried = said.partition("remaining  switches turned")[2] + said.partition("without effect here")[2]
    assert "junk kept" in tried
    assert "without flip" in tried


def test_records_are_one_pandas_table(command):
    store = command("--table", "toy_failures", "--dataset", "market1501", "--profile", "demo")[2]
    frame = records_frame(store.folder).set_index("row")
    assert dict(frame["status"]) == {"NaN": "failed", "Raises": "failed", "Works": "done"}
    assert frame.loc["Works", "published_map"] == 1.0
    assert frame.loc["Works", "parameters_inference"] > 0
    assert frame["map"].isna().tolist() == [True, True, False]


def test_the_plan_names_cells_distinct_runs_and_what_is_cached(command):
    planned = json.loads(command(*TABLE, "--dry-run", "--json")[1])
    assert [cell["id"] for cell in planned["cells"]] == [
        "toy_table-Narrow-market1501",
        "toy_table-Wide-market1501",
        "toy_table-Wide, other feature-market1501",
        "toy_table-Quoted [1]-market1501",
    ]
    assert [cell["state"] for cell in planned["cells"]] == ["fresh", "fresh", "fresh", "quoted"]
    assert len(planned["runs"]) == 2
    assert planned["runs"][1]["starts_from"] == planned["runs"][0]["id"]
    command(*TABLE, "--row", "Narrow")
    planned = json.loads(command(*TABLE, "--dry-run", "--json")[1])
    assert planned["runs"][0]["state"] == "cached"
    assert planned["runs"][1]["expected_seconds"] > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--table", "toy_tabel"), "unknown table 'toy_tabel'; the nearest known: 'toy_table'"),
        ((*TABLE, "--row", "Wyde"), "unknown row 'Wyde'; the nearest known: 'Wide'"),
        (("--table", "toy_table", "--dataset", "market"), "unknown dataset 'market'; the nearest known: 'market1501'"),
        (("--table", "toy_table", "--dataset", "dukemtmc"), "--dataset dukemtmc: DukeMTMC-reID is not under"),
        ((*TABLE, "--device", "cuda:99"), "--device cuda:99: this machine has"),
        ((*TABLE, "--device", "tpu"), "'tpu' is not a device"),
        ((*TABLE, "--device", "cuda:²"), "'cuda:²' is not a device"),
        ((*TABLE, "--device", "cuda:"), "'cuda:' is not a device"),
        ((*TABLE, "--run-timeout", "nan"), "--run-timeout nan: give a positive number of minutes"),
        (("--table", "toy_table", "--dataset", "folder:~no such user/x"), "there is no home folder ~no such user"),
        (("--table", "toy_table", "--dataset", f"folder:{'x' * 5000}"), "File name too long"),
        (("--why", "toy_table-Wide"), "write TABLE-ROW-DATASET"),
        (("--why", "toy_table-Widde-market1501"), "unknown row of toy_table 'Widde'"),
        (("--verify", "toy_table-Wide-market1501"), "is not a folder; run a table first"),
        ((), "name a table with --table ID"),
    ],
)
def test_bad_input_gets_one_sentence_and_exit_code_2(command, tmp_path, arguments, said):
    code, printed, _ = command(*arguments)
    assert code == 2
    assert said in printed
    assert len(printed.strip().splitlines()) == 1
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--table", "mpn_complexity", "--dataset", "nonsense"), "unknown dataset 'nonsense'"),
        (
            ("--why", "rmgl_cross-Source: Market RMGL(Ours)†-market1501"),
            "-market1501 is not a cell (rmgl_cross has row 'Source: Market RMGL(Ours)†' on dukemtmc, cuhk03 only)",
        ),
        (("--why", "pgfl_kd_speed-PCB [39]-occluded_duke"), "is not a cell (pgfl_kd_speed: costs are measured"),
    ],
)
def test_what_a_published_table_does_not_have_gets_one_sentence_and_exit_code_2(tmp_path, capsys, arguments, said):
    folders = ("--data-root", tmp_path, "--results", tmp_path / "results", "--report", tmp_path / "pages")
    assert main([*map(str, (*arguments, *folders))]) == 2
    assert said in capsys.readouterr().err


def test_a_folder_with_tables_and_no_code_is_listed_and_not_run(command, toy_method):
    (toy_method / "__init__.py").unlink()
    forget_code()
    code, printed, _ = command(*TABLE)
    assert code == 2 and "method toy is not built yet" in printed
    assert "(method not built yet)" in command("--list", "--table", "toy_table")[1]


def test_a_truncated_image_is_named_before_anything_is_trained(command, market_root, tmp_path):
    image = sorted((market_root / "Market-1501-v15.09.15" / "query").iterdir())[2]
    image.write_bytes(image.read_bytes()[:200])
    code, said, store = command(*TABLE)
    assert code == 2
    assert image.name in said
    assert store.records() == []
    assert not list(tmp_path.glob("results/runs/*/checkpoint.pt"))


def test_a_missing_folder_is_named(command, market_root):
    (market_root / "Market-1501-v15.09.15" / "query").rename(market_root / "gone")
    code, said, _ = command(*TABLE)
    assert code == 2
    assert "query" in said


def test_queries_that_match_nothing_are_counted_with_the_reason(command, market_root):
    test = market_root / "Market-1501-v15.09.15" / "bounding_box_test"
    for image in test.glob("01*"):
        image.unlink()
    code, said, _ = command(*TABLE)
    assert code == 2
    assert "6" in said
    assert "0101_c1s1_000000_00.jpg" in said
    assert "identity" in said


def test_an_identity_with_one_image_trains(command, market_root):
    train = market_root / "Market-1501-v15.09.15" / "bounding_box_train"
    for image in sorted(train.glob("0001_*"))[1:]:
        image.unlink()
    code, _, store = command(*TABLE, "--row", "Narrow")
    assert code == 0
    assert any("one image" in remark for remark in store.records()[0]["receipt"]["passport"]["remarks"])


@pytest.mark.slow
def test_a_half_written_record_is_named_and_left_alone_and_the_other_cells_run(command):
    _, _, store = command(*TABLE, "--row", "Narrow")
    path = store.record_path(Cell("toy_table", "Narrow", "market1501", "demo", 0))
    path.write_bytes(path.read_bytes()[:300])
    code, said, _ = command(*TABLE)
    assert code == 1
    assert f"damaged: toy_table-Narrow-market1501: {path}" in said
    assert "2 cells run, 0 failed, 0 blocked, 1 damaged" in said
    assert len(path.read_bytes()) == 300


def test_results_that_cannot_be_written_stop_the_command_before_work(command, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    code, said, _ = command(*TABLE, results="file")
    assert code == 2
    assert "--results" in said


def test_several_seeds_are_records_of_their_own(command):
    _, _, store = command(*TABLE, "--row", "Narrow", "--seed", "0", "--seed", "1")
    assert [record["seed"] for record in store.records()] == [0, 1]


def test_a_seed_given_twice_is_planned_once(command):
    planned = command(*TABLE, "--row", "Narrow", "--seed", "1", "--seed", "1", "--dry-run", "--json")[1]
    assert [cell["seed"] for cell in json.loads(planned)["cells"]] == [1]


def test_why_speaks_of_every_recorded_seed_unless_some_are_asked_for(command):
    command(*TABLE, "--row", "Narrow", "--seed", "2")
    said = command("--why", "toy_table-Narrow-market1501")[1]
    assert said.splitlines() == [
        "toy_table-Narrow-market1501 (demo, seed 0): fresh: no record yet",
        "toy_table-Narrow-market1501 (demo, seed 2): cached: recorded",
    ]
    assert "seed 2" not in command("--why", "toy_table-Narrow-market1501", "--seed", "1")[1]


def test_status_counts_records_and_names_what_was_interrupted(command, monkeypatch):
    command(*TABLE, "--row", "Narrow")
    train_epoch = loop._Training.epoch

    def killed(*arguments):
        if arguments[1].epoch == 1:
            raise KeyboardInterrupt
        train_epoch(*arguments)

    monkeypatch.setattr(loop._Training, "epoch", killed)
    command(*TABLE)
    said = command("--status")[1]
    assert "toy_table on market1501, demo: 1 done" in said
    assert "was interrupted: epoch 1/3" in said


def test_listing_holds_every_figure_and_needs_no_torch():
    script = (
        "import sys, json; from harness.run import main; main(['--list', '--json']);"
        "print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "False"
    listed = {table["id"]: table for table in json.loads(done.stdout)}
    assert len(listed) >= 47
    row = next(row for row in listed["mpn_ablation"]["rows"] if row["name"] == "MPN")
    assert row["published"]["market1501"] == {"rank1": 96.3, "map": 89.4}
    assert row["runs"] is True
    assert row["switches"]["k"] == 6


@pytest.mark.slow
def test_two_harnesses_on_one_folder_train_each_run_once(processes, toy_method, market_root, tmp_path):
    folders = ("--data-root", market_root, "--results", tmp_path / "both", "--report", tmp_path / "pages")
    said = [tmp_path / "one", tmp_path / "other"]
    both = [processes.start(toy_method.parent, file, (*TABLE, *folders)) for file in said]
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0], [file.read_text() for file in said]
    for log in (tmp_path / "both").glob("runs/*/log.txt"):
        assert len(log.read_text().splitlines()) == 3
    assert len(Store(tmp_path / "both").records()) == 3


@pytest.mark.slow
def test_sigkill_at_any_moment_loses_no_more_than_the_epoch_and_changes_no_figure(
    processes, toy_method, market_root, tmp_path, command
):
    alone = figures(command(*TABLE, "--row", "Wide", results="alone")[2])
    folders = ("--data-root", market_root, "--results", tmp_path / "killed", "--report", tmp_path / "pages")
    for number, line_to_die_at in enumerate(("epoch 1/3", "epoch 3/3", "evaluating", None)):
        said = tmp_path / f"said-{number}"
        process = processes.start(toy_method.parent, said, (*TABLE, "--row", "Wide", *folders))
        if line_to_die_at:
            wait_for(line_to_die_at, said, process)
            process.kill()
        process.join()
    assert process.exitcode == 0, said.read_text()
    assert figures(Store(tmp_path / "killed")) == alone
