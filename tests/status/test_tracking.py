"""What TensorBoard, MLflow and Weights & Biases are given of a training, each read back from its local folder."""

import os
import shutil
import struct
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.errors import BadInput, Unwritable
from harness.results.store import Store
from harness.run import main
from harness.status.tracking import TRACKERS, TrackedTraining, ask_for_trackers, write_metrics
from tests.records import LOG, cell, done_record

ROOT = Path(__file__).parents[2]
EPOCHS = 4
LABEL = "mpn-synthetic-demo-seed0-one"
RUN = SimpleNamespace(
    id="one",
    method=SimpleNamespace(id="mpn"),
    dataset="synthetic",
    profile="demo",
    seed=0,
    recipe=SimpleNamespace(epochs=EPOCHS),
)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def log_until(epochs):
    shortened = {name: values[:epochs] for name, values in LOG.items() if name != "losses"}
    return {**shortened, "losses": {name: values[:epochs] for name, values in LOG["losses"].items()}}


def write_epochs(store, *counts):
    """Write what one process would, of a log after each of these counts of epochs."""
    with closing(TrackedTraining(store, RUN)) as tracked:
        for epochs in counts:
            tracked.write_epoch(log_until(epochs))


def a_record(store, row="A"):
    record = done_record("t", row, metrics={"map": 70.5, "rank1": 88.0})
    store.write_record(record)
    return store.record(cell("t", row))


def in_event_files(store):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    (folder,) = (store.folder / "tensorboard").iterdir()
    assert folder.name == LABEL
    events = accumulator.EventAccumulator(str(folder)).Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def in_mlflow(store):
    tracking = pytest.importorskip("mlflow.tracking")
    client = tracking.MlflowClient((store.folder / "mlflow").as_uri())
    (experiment,) = client.search_experiments()
    (run,) = client.search_runs([experiment.experiment_id])
    assert (experiment.name, run.info.run_name, run.info.status) == ("reid-tables", LABEL, "FINISHED")
    history = {name: client.get_metric_history(run.info.run_id, name) for name in run.data.metrics}
    return {name: [(each.step, each.value) for each in values] for name, values in history.items()}


def in_wandb(store):
    """The figures of every part of the run. The later part of a step wins, as it does on their server."""
    protocol = pytest.importorskip("wandb.proto.wandb_internal_pb2")
    pytest.importorskip("wandb").teardown()  # Its service writes the last records a moment after the run ended.
    found = {}
    for file in sorted((store.folder / "wandb").glob("offline-run-*/*.wandb")):
        for content in log_records(file.read_bytes()):
            record = protocol.Record.FromString(content)
            if record.HasField("run"):
                assert (record.run.project, record.run.display_name) == ("reid-tables", LABEL)
            for item in record.history.item:
                name = item.key or "/".join(item.nested_key)
                if not name.startswith("_"):
                    found.setdefault(name, {})[record.history.step.num] = float(item.value_json)
    return {name: sorted(steps.items()) for name, steps in found.items()}


def log_records(content, block=32768):
    """The records of a file in LevelDB's log format, after wandb's own head of 7 bytes."""
    place, whole = 7, b""
    while place + 7 <= len(content):
        if block - place % block < 7:
            place += block - place % block
            continue
        _, length, kind = struct.unpack("<IHB", content[place : place + 7])
        whole += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # The only part of a record, or the last.
            yield whole
            whole = b""


READERS = {"tensorboard": in_event_files, "mlflow": in_mlflow, "wandb": in_wandb}
EACH = pytest.mark.parametrize(
    "tracker", ["tensorboard", *[pytest.param(name, marks=pytest.mark.slow) for name in ("mlflow", "wandb")]]
)


def test_every_tracker_has_a_reader_here():
    assert set(READERS) == set(TRACKERS)


@EACH
def test_a_tracker_holds_each_epoch_and_the_final_metrics(store, tracker):
    pytest.importorskip(tracker)
    ask_for_trackers(store, [tracker])
    write_epochs(store, 1, 2)
    write_metrics(store, RUN, a_record(store))
    found = READERS[tracker](store)
    assert found["losses/id"] == [(1, 2.0), (2, 1.5)]
    assert found["loss"] == [(1, 3.0), (2, 2.5)]
    assert found["rate"] == [(1, pytest.approx(0.1)), (2, pytest.approx(0.01))]
    assert found["images_per_second"] == [(1, 90.0), (2, 110.0)]
    assert found["t-A-synthetic/map"] == [(EPOCHS, 70.5)]


@EACH
def test_a_resumed_training_shows_no_epoch_twice(store, tracker):
    pytest.importorskip(tracker)
    ask_for_trackers(store, [tracker])
    write_epochs(store, 1, 2)
    for written in store.folder.glob("tensorboard/*/events*"):
        # TensorBoard reads files by name, which begins with the second they were made in.
        written.rename(written.with_name("events.out.tfevents.0000000000.earlier"))
    write_epochs(store, 2)
    found = READERS[tracker](store)
    assert found["loss"] == [(1, 3.0), (2, 2.5)]
    assert found["losses/id"] == [(1, 2.0), (2, 1.5)]


@EACH
def test_a_row_with_any_sign_in_its_name_is_tracked(store, tracker):
    pytest.importorskip(tracker)
    ask_for_trackers(store, [tracker])
    write_metrics(store, RUN, a_record(store, "RMGL(Ours)†"))
    (name,) = (name for name in READERS[tracker](store) if name.endswith("/map"))
    assert name.startswith("t-RMGL")


def test_several_trackers_are_written_at_once(store, monkeypatch):
    written = []

    class Noted:
        def __init__(self, folder, label):
            self.name = folder.name

        def add(self, step, scalars):
            written.append((self.name, step, scalars["loss"]))

        def close(self):
            written.append((self.name, "closed"))

    for name in ("mlflow", "wandb"):
        (store.folder / name).mkdir()
        monkeypatch.setitem(TRACKERS, name, TRACKERS[name].__class__(name, "json", Noted))
    write_epochs(store, 1)
    assert written == [("mlflow", 1, 3.0), ("wandb", 1, 3.0), ("mlflow", "closed"), ("wandb", "closed")]


def test_each_epoch_is_in_the_event_file_before_the_training_ends(store):
    ask_for_trackers(store, ["tensorboard"])
    with closing(TrackedTraining(store, RUN)) as tracked:
        tracked.write_epoch(log_until(1))
        assert in_event_files(store)["loss"] == [(1, 3.0)]


def test_an_event_folder_deleted_meanwhile_ends_no_training(store):
    ask_for_trackers(store, ["tensorboard"])
    with closing(TrackedTraining(store, RUN)) as tracked:
        tracked.write_epoch(log_until(1))
        shutil.rmtree(next((store.folder / "tensorboard").iterdir()))
        tracked.write_epoch(log_until(2))
        assert in_event_files(store)["loss"] == [(2, 2.5)]
        shutil.rmtree(store.folder / "tensorboard")
        tracked.write_epoch(log_until(2))


def test_event_files_that_cannot_be_written_name_their_folder(store):
    ask_for_trackers(store, ["tensorboard"])
    (store.folder / "tensorboard" / LABEL).touch()
    with pytest.raises(Unwritable, match=r"seed0-one: cannot be written .*--results"):
        write_epochs(store, 1)
    with pytest.raises(Unwritable, match=r"seed0-one: cannot be written .*--results"):
        write_metrics(store, RUN, a_record(store))


def test_an_error_of_a_tracker_s_own_names_its_folder(store, monkeypatch):
    def broken(folder, label):
        raise RuntimeError("the store is\nof another version")

    (store.folder / "mlflow").mkdir()
    monkeypatch.setitem(TRACKERS, "mlflow", TRACKERS["mlflow"].__class__("MLflow", "json", broken))
    with pytest.raises(Unwritable, match=r"mlflow: MLflow cannot write there \(RuntimeError: the store is of another"):
        write_epochs(store, 1)


def test_without_being_asked_for_nothing_is_tracked(store):
    write_epochs(store, 1, 2)
    assert list(store.folder.iterdir()) == []


@pytest.mark.parametrize("tracker", TRACKERS)
def test_a_tracker_that_is_not_installed_is_named_with_the_fix(store, monkeypatch, tracker):
    monkeypatch.setitem(sys.modules, TRACKERS[tracker].module, None)
    with pytest.raises(BadInput, match=rf"--tracker {tracker} needs .* pip install -e '.\[{tracker}\]'"):
        ask_for_trackers(store, [tracker])
    assert not (store.folder / tracker).exists()


@pytest.mark.slow
def test_a_run_writes_to_every_tracker_that_it_asks_for(tmp_path, toy_alone, market_root):
    for name in TRACKERS:
        pytest.importorskip(name)
    options = ("--table", "toy_table", "--row", "Narrow", "--profile", "demo", "--dataset", "market1501")
    folders = ("--data-root", str(market_root), "--results", str(tmp_path / "r"), "--report", str(tmp_path / "p"))
    asked = ("--tensorboard", "--tracker", "mlflow", "--tracker", "wandb")
    assert main([*options, *folders, *asked, "--device", "cpu"]) == 0
    (record,) = Store(tmp_path / "r").records()
    assert list((tmp_path / "r" / "tensorboard").glob(f"*{record['run']}/events*"))
    assert list((tmp_path / "r" / "wandb").glob("offline-run-*/*.wandb"))
    client = pytest.importorskip("mlflow.tracking").MlflowClient((tmp_path / "r" / "mlflow").as_uri())
    (run,) = client.search_runs([each.experiment_id for each in client.search_experiments()])
    assert run.data.metrics["toy_table-Narrow-market1501/map"] == record["metrics"]["map"]
    assert [each.step for each in client.get_metric_history(run.info.run_id, "loss")] == [1, 2, 3]


@pytest.mark.slow
@pytest.mark.parametrize("tracker", ["mlflow", "wandb"])
def test_a_tracker_needs_no_network(tmp_path, tracker):
    pytest.importorskip(tracker)
    script = f"""
import socket
from pathlib import Path
connect = socket.socket.connect
def only_here(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise AssertionError(f"connects to {{address}}")
    return connect(self, address)
socket.socket.connect = only_here
from harness.status.tracking import TRACKERS
folder = Path({str(tmp_path)!r}) / {tracker!r}
folder.mkdir()
writer = TRACKERS[{tracker!r}].open(folder, "one")
writer.add(1, {{"loss": 1.0}})
writer.close()
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "connects to" not in done.stderr, done.stderr
