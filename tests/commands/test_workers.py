"""``--workers N``: the share of the machine that each worker has, and the exit code of the whole."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
import torch

from harness.commands import workers
from harness.commands.request import Request
from harness.commands.workers import shares
from harness.run import main

TABLE = ("--table", "toy_table", "--dataset", "market1501", "--profile", "demo")


def request(**values):
    return Request("run", tables=("toy_table",), **values)


@pytest.fixture(autouse=True)
def four_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2, 3}, raising=False)
    for name in ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)


def test_on_the_cpu_each_has_its_cores_and_the_threads_of_a_single_worker(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    found = shares(request(device="cpu"), 2)
    assert [share.cores for share in found] == [{0, 1}, {2, 3}]
    assert [share.environment for share in found] == [{"OMP_NUM_THREADS": "4"}] * 2


def test_threads_that_the_user_chose_stay(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert shares(request(device="cpu"), 2)[0].environment == {"OMP_NUM_THREADS": "3"}


@pytest.mark.parametrize(
    ("visible", "gpus_per_run", "count", "given"),
    [
        (None, 1, 4, ["0", "1", "2", "3"]),
        (None, 2, 2, ["0,1", "2,3"]),
        ("5,GPU-ab,7", 1, 2, ["5", "GPU-ab"]),
    ],
)
def test_on_gpus_each_has_the_gpus_of_a_run(monkeypatch, visible, gpus_per_run, count, given):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = shares(request(device="cuda", gpus_per_run=gpus_per_run), count)
    assert [share.environment["CUDA_VISIBLE_DEVICES"] for share in found] == given
    assert found[0].environment["OMP_NUM_THREADS"] == str(4 // count)


def test_one_is_told_that_more_workers_would_use_the_idle_cores(toy_alone, market_root, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("harness.commands.run.cores", lambda: 8)

    def said(results):
        folders = {"--data-root": market_root, "--results": tmp_path / results, "--report": tmp_path / "pages"}
        options = [str(part) for option in folders.items() for part in option]
        main([*TABLE, "--device", "cpu", "--precision", "float32", *options])
        return capsys.readouterr().out

    hint = "--workers 2 trains 2 at a time"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert hint not in said("told"), "the user, or the tests, chose the number of threads"
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert hint in said("alone")
    assert hint not in said("alone"), "all is trained"


def test_more_workers_than_runs_are_refused(toy_alone, market_root, tmp_path, capsys):
    folders = ("--data-root", str(market_root), "--results", str(tmp_path / "results"))
    assert main([*TABLE, *folders, "--device", "cpu", "--workers", "3"]) == 2
    assert capsys.readouterr().err == "error: --workers 3: these tables have 2 runs; use 2 or fewer\n"


def test_no_more_workers_are_started_than_runs_are_left():
    one, two = (SimpleNamespace(id=name) for name in ("one", "two"))
    one.lineage, two.lineage = (one,), (one, two)
    plan = SimpleNamespace(runs={"one": one, "two": two}, pending=[SimpleNamespace(needed_run=one)])
    assert workers._count(request(workers=2), plan) == 1
    plan.pending.append(SimpleNamespace(needed_run=two))
    assert workers._count(request(workers=2), plan) == 2
    plan.pending.clear()
    assert workers._count(request(workers=2), plan) == 1, "it writes the pages"


@pytest.mark.parametrize(
    ("codes", "whole"),
    [([0, 0], 0), ([0, 1], 1), ([2, 2], 2), ([-9, 0], 0), ([-9, -9], 1), ([130, 0], 130)],
)
def test_a_killed_worker_does_not_matter_while_another_ends(codes, whole):
    assert workers._exit_code(codes) == whole
