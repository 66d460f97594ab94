"""``report --watch``: pages follow the records until the command is stopped."""

import json

from harness.commands.watching import changed_tables, files_of, live_state, watch
from harness.reporting.page_files import page_versions
from harness.reporting.pages import write_report
from harness.results.store import Store
from harness.status.board import Board
from harness.tables import tables
from tests.records import done_record

TABLES = {name: tables()[name] for name in ("mpn_k", "pgfl_kd_datasets")}


def news(report):
    """The content of ``live.js``."""
    text = (report / "live.js").read_text(encoding="utf-8")
    return json.loads(text.removeprefix("reportIsLive(").removesuffix(");\n"))


def test_pages_are_written_when_a_record_lands_and_only_those_of_its_table(tmp_path):
    store, report, written = Store(tmp_path / "results"), tmp_path / "report", []
    store.folder.mkdir()

    def write(changed):
        written.append(list(changed))
        write_report(store.records(), TABLES, store.folder, report, only=changed, live=True)

    def pause(seconds):
        versions.append(news(report)["pages"]["mpn_k.html"])
        if len(versions) == 1:
            store.write_record(done_record("mpn_k", "K = 6"))
        if len(versions) == 3:
            raise KeyboardInterrupt

    versions = []
    watch(store, report, TABLES, write, pause)
    assert written == [["mpn_k", "pgfl_kd_datasets"], ["mpn_k"]]
    assert versions[0] != versions[1] == versions[2]
    last = news(report)
    assert last["ended"] and last["pages"] == page_versions(report) and last["pages"]["mpn_k.html"] != versions[2]
    assert "live.js" not in (report / "mpn_k.html").read_text(encoding="utf-8")


def test_counts_of_datasets_change_the_tables_that_print_them():
    assert changed_tables({}, {"datasets/market1501.json": (1, 2)}, TABLES) == ["pgfl_kd_datasets"]
    assert changed_tables({}, {"records/mpn_k/a.json": (1, 2)}, TABLES) == ["mpn_k"]
    assert changed_tables({"records/mpn_k/a.json": (1, 2)}, {}, TABLES) == ["mpn_k"]
    assert changed_tables({"records/mpn_k/a.json": (1, 2)}, {"records/mpn_k/a.json": (1, 2)}, TABLES) == []


def test_a_record_of_a_table_that_is_gone_still_writes_the_index():
    assert changed_tables({}, {"records/gone/a.json": (1, 2)}, TABLES) == ["mpn_k"]


def test_a_training_under_way_is_told_with_its_progress_and_time_left(tmp_path):
    store = Store(tmp_path)
    store.write_record(done_record("mpn_k", "K = 6"))
    progress = {"method": "mpn", "dataset": "synthetic", "profile": "demo", "seed": 0, "epoch": 4, "epochs": 10}
    speed = {"images_per_second": 200.0, "epoch_seconds": 60.0, "device": "cpu", "host": "elsewhere"}
    store.run_folder("abc").mkdir(parents=True)
    (store.run_folder("abc") / "progress.json").write_text(json.dumps(progress | speed))
    (tmp_path / "plans").mkdir()
    cell = {
        "table": "mpn_k",
        "row": "K = 2",
        "dataset": "synthetic",
        "profile": "demo",
        "seed": 0,
        "runs": ["abc"],
        "settings": [],
    }
    (tmp_path / "plans" / "x.json").write_text(json.dumps({"cells": [cell]}))
    state = live_state(Board(store).read())
    assert (state.cells["done"], state.cells["running"]) == (1, 1)
    (training,) = state.trainings
    assert (training["epoch"], training["stage"]) == (4, "training")
    assert 300 < training["seconds_left"] <= 360 and 300 < state.seconds_left <= 360
    assert files_of(store).keys() == {store.record_files()[0].relative_to(tmp_path).as_posix()}
