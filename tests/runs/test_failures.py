"""What goes wrong in the middle of a table: it is said in one sentence, nothing is lost, only that is done again."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pytest
import torch

from harness.execution import local
from harness.results.store import Store
from harness.run import main
from harness.runs import recording as evaluating
from harness.training import checkpoint
from tests.conftest import forget_code

TABLE = ("--table", "toy_table", "--dataset", "market1501", "--profile", "demo", "--device", "cpu")


@pytest.fixture
def command(toy_alone, market_root, tmp_path, capsys):
    """Runs the toy table into a results folder; returns exit code, what it printed, and the store."""

    def run(results, *arguments):
        folders = ("--data-root", market_root, "--results", tmp_path / results, "--report", tmp_path / "pages")
        code = main([str(argument) for argument in (*TABLE, *arguments, *folders)])
        said = capsys.readouterr()
        return code, said.out + said.err, Store(tmp_path / results)

    return run


def figures(store):
    """What must not depend on what happened on the way."""
    return {
        record["cell"]: (record["metrics"], record["curves"]["losses"], record["receipt"]["weights_sha256"])
        for record in store.records()
    }


def fail_at(call, function, error):
    """A function that raises ``error`` the given time it is called, as ``function`` might."""
    calls = iter(range(1, call + 1))

    def failing(*arguments, **options):
        if next(calls, 0) == call:
            raise error
        return function(*arguments, **options)

    return failing


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "sentence"),
    [(errno.ENOSPC, "the disk is full; free some space"), (errno.EROFS, "cannot be written (Read-only file system)")],
)
def test_a_disk_that_is_full_or_read_only_at_any_write_loses_nothing(command, monkeypatch, tmp_path, number, sentence):
    alone = figures(command("alone")[2])
    fsync, recorded = os.fsync, set()
    for call in (1, 2, 3, 4, 6, 8, 11):
        monkeypatch.setattr(os, "fsync", fail_at(call, fsync, OSError(number, os.strerror(number))))
        code, said, store = command("full")
        assert code == 2
        assert [sentence in line for line in said.splitlines() if line.startswith("error:")] == [True]
        assert str(tmp_path / "full") in said
        now = {record["cell"] for record in store.records()}
        assert now >= recorded
        recorded = now
    monkeypatch.setattr(os, "fsync", fsync)
    code, _, store = command("full")
    assert (code, figures(store)) == (0, alone)


@pytest.mark.slow
def test_a_disk_that_is_full_when_a_line_is_added_to_the_log_loses_nothing(command, monkeypatch):
    alone = figures(command("alone")[2])
    opened = Path.open

    def full(path, mode="r", *arguments, **options):
        if path.name == "log.txt" and mode == "a":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return opened(path, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", full)
    code, said, store = command("full")
    assert code == 2
    assert f"error: {store.folder / 'runs'}" in said
    assert "the disk is full" in said
    assert store.records() == []
    monkeypatch.setattr(Path, "open", opened)
    code, _, store = command("full")
    assert (code, figures(store)) == (0, alone)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "out of memory"),
        (
            RuntimeError(
                "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes (Cannot allocate memory)"
            ),
            "out of memory",
        ),
        (ZeroDivisionError("division by zero"), "error"),
    ],
)
def test_a_run_that_fails_is_recorded_and_alone_is_tried_again(command, monkeypatch, error, kind):
    trained = local.ensure_trained
    monkeypatch.setattr(local, "ensure_trained", fail_at(1, trained, error))
    code, said, store = command("results")
    assert (code, "2 cells run, 1 failed" in said) == (1, True)
    failed = {record["row"]: record for record in store.records()}["Narrow"]
    assert failed["cause"]["kind"] == kind
    assert failed["cause"]["message"]
    assert type(error).__name__ in failed["cause"]["log_tail"][-1]
    monkeypatch.setattr(local, "ensure_trained", trained)
    code, said, store = command("results")
    assert (code, "1 cells run, 0 failed, 0 blocked, 2 cached" in said) == (0, True)
    assert {record["status"] for record in store.records()} == {"done"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "before", "after", "kind", "said"),
    [
        ("model.py", '"a": self.head(pooled)', '"a": self.head(pooled) * 1e6 ** (self.head.out_features == 4)',
         "NaN features", "6 of 6 query features are NaN or too large for float16"),
        ("__init__.py", "Sampler(4, 2)", "Sampler(64 if switches.width == 4 else 4, 2)",
         "bad input", "the training set has 8 identities and a batch needs 64"),
        ("__init__.py", "Sampler(4, 2)", "Sampler(64 if switches.width == 4 else 4, None)",
         "bad input", "the training set has 32 images and a batch needs 64"),
    ],
)  # fmt: skip
def test_what_one_run_cannot_use_is_its_record_and_stops_no_other(command, toy_method, file, before, after, kind, said):
    """The row that fails is the first; the other has a start of its own."""
    source = toy_method / file
    source.write_text(source.read_text().replace(before, after))
    start = toy_method / "__init__.py"
    start.write_text(start.read_text().replace("if switches.width == 4 else Initialisation", "or Initialisation"))
    forget_code()
    for _ in range(2):
        code, _, store = command("results", "--row", "Narrow", "--row", "Wide")
        records = {record["row"]: record for record in store.records()}
        assert (code, records["Wide"]["status"]) == (1, "done")
        assert records["Narrow"]["cause"]["kind"] == kind
        assert said in records["Narrow"]["cause"]["message"]
    assert records["Narrow"]["cause"]["attempts"] == 2


def test_an_evaluation_that_fails_is_tried_again_and_its_training_is_not(command, monkeypatch):
    evaluate = evaluating.evaluate_run
    monkeypatch.setattr(evaluating, "evaluate_run", fail_at(1, evaluate, RuntimeError("the features <broke>")))
    code, _, store = command("results", "--row", "Narrow")
    (record,) = store.records()
    assert (code, record["status"], record["cause"]["message"]) == (1, "failed", "the features <broke>")
    assert any("epoch 3/3" in line for line in record["cause"]["log_tail"])
    monkeypatch.setattr(evaluating, "evaluate_run", evaluate)
    code, said, store = command("results", "--row", "Narrow")
    assert (code, "training" in said) == (0, False)
    assert store.records()[0]["status"] == "done"


@pytest.fixture
def heard_ctrl_c():
    """A shell that starts tests in its background has them ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
@pytest.mark.usefixtures("heard_ctrl_c")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("where", ["training", "evaluating"])
def test_sigterm_and_ctrl_c_leave_in_order_and_the_same_command_goes_on(command, monkeypatch, number, where):
    alone = figures(command("alone", "--row", "Narrow")[2])
    module, name = {"training": (checkpoint, "save"), "evaluating": (evaluating, "evaluate_run")}[where]
    function = getattr(module, name)

    def signalled(*arguments, **options):
        os.kill(os.getpid(), number)
        return function(*arguments, **options)

    monkeypatch.setattr(module, name, signalled)
    code, said, store = command("stopped", "--row", "Narrow")
    assert (code, "stopped; the same command goes on" in said) == (130, True)
    assert store.records() == []
    monkeypatch.setattr(module, name, function)
    code, _, store = command("stopped", "--row", "Narrow")
    assert (code, figures(store)) == (0, alone)
