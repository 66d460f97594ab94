"""Runs in child processes, under torchrun and as Ray tasks: they end as in one process, and say why where they fail.

About a minute on two free cores, most of it a dozen processes that import torch.
"""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from harness.cell import Cell
from harness.commands.request import Request
from harness.commands.resources import computation
from harness.errors import BadInput, FailedElsewhere, Killed
from harness.execution import launching
from harness.execution.job import Job
from harness.machine.computation import Computation
from harness.results.store import Store
from harness.run import main
from tests.conftest import TOY_INIT, TOY_MODEL, TOY_TABLES

ROOT = Path(__file__).parents[2]
DISTURBANCE = '''
import os
import signal
import time
from pathlib import Path

def disturb(kind):
    """What breaks in the middle of a training; what is done once leaves a file to tell."""
    here = Path(os.environ["TOY_FOLDER"])
    here.joinpath(f"node-{os.environ.get('RAY_RAYLET_PID')}").touch()
    if kind == "killed once" and not here.joinpath(kind).exists():
        here.joinpath(kind).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "parent killed once" and not here.joinpath(kind).exists():
        here.joinpath(kind).touch()
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(1000)
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "slow":
        time.sleep(0.5)
'''
ROWS = """
  - id: toy_disturbances
    label: "Table 3"
    caption: "Rows that are disturbed"
    rows:
      - {name: "Raises", runs: true, switches: {width: 4, breaks: raises}, values: {market1501: {map: 1.0}}}
      - {name: "Killed", runs: true, switches: {width: 4, breaks: killed}, values: {market1501: {map: 1.0}}}
      - {name: "Killed once", runs: true, switches: {width: 4, breaks: killed once}, values: {market1501: {map: 1.0}}}
      - name: "Parent killed once"
        runs: true
        switches: {width: 4, breaks: parent killed once}
        values: {market1501: {map: 1.0}}
      - {name: "Slow", runs: true, switches: {width: 4, breaks: slow}, values: {market1501: {map: 1.0}}}
      - {name: "Works", runs: true, switches: {width: 4}, values: {market1501: {map: 1.0}}}
"""


@pytest.fixture
def installed_toy(tmp_path, monkeypatch):
    """The toy method as an installed package, which every process that is started from here finds."""
    site = tmp_path / "site"
    (site / "toy").mkdir(parents=True)
    model = TOY_MODEL.replace(
        'if self.breaks == "raises":', 'disturb(self.breaks)\n        if self.breaks == "raises":'
    )
    texts = {"__init__.py": TOY_INIT.replace("methods.toy", "toy"), "model.py": DISTURBANCE + model}
    for name, text in {**texts, "tables.yaml": TOY_TABLES + ROWS}.items():
        (site / "toy" / name).write_text(text)
    # In place of the real methods: a command writes the pages of all tables, which takes longer than to train the toy.
    (site / "methods").mkdir()
    (site / "methods" / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    information = site / "toy-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[harness.methods]\ntoy = toy\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(ROOT)]))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("TOY_FOLDER", str(tmp_path))
    return site


@pytest.fixture
def command(installed_toy, market_root, tmp_path):
    """The arguments of a process that runs rows of the disturbed table."""

    def of(*arguments, rows):
        named = [part for row in rows for part in ("--row", row)]
        table = ["--table", "toy_disturbances", "--dataset", "market1501", "--profile", "demo"]
        how = ["--device", "cpu", "--precision", "float32"]
        folders = ["--data-root", market_root, "--results", tmp_path / "results", "--report", tmp_path / "pages"]
        return [sys.executable, "-m", "harness.run", *table, *named, *how, *map(str, folders), *arguments]

    return of


@pytest.mark.slow
def test_two_processes_under_torchrun_carry_out_a_run_and_a_failure_keeps_its_cause(command, tmp_path):
    done = subprocess.run(
        command("--gpus-per-run", "2", rows=["Raises", "Works"]), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    records = {record["row"]: record for record in Store(tmp_path / "results").records()}
    assert records["Works"]["status"] == "done"
    assert "epoch 3/3" in done.stderr
    assert records["Raises"]["cause"]["kind"] == "error"
    assert records["Raises"]["cause"]["message"] == "the toy <broke>"
    assert any("RuntimeError" in line for line in records["Raises"]["cause"]["log_tail"])


@pytest.mark.slow
def test_two_workers_share_the_runs_and_one_goes_on_when_the_other_is_killed(command, tmp_path):
    done = subprocess.run(
        command("--workers", "2", rows=["Killed once", "Works"]), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert {record["row"]: record["status"] for record in Store(tmp_path / "results").records()} == {
        "Killed once": "done",
        "Works": "done",
    }
    assert (
        len(re.findall(r"^worker [12] was killed by SIGKILL; others take over its run$", done.stdout, re.MULTILINE))
        == 1
    )
    assert re.search(r"^worker [12]:   epoch 3/3", done.stdout, re.MULTILINE)
    assert done.stdout.count("report: ") == 1


@pytest.mark.slow
def test_sigterm_reaches_the_child_which_leaves_a_checkpoint_to_go_on_from(command, tmp_path):
    arguments = command("--run-timeout", "30", rows=["Slow"])
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if "epoch 1/3" in line:
                process.terminate()
                break
        said = process.stderr.read()
    assert process.returncode == 130
    assert "stopped; the same command goes on" in said
    assert list((tmp_path / "results").glob("runs/*/checkpoint.pt"))
    assert not list((tmp_path / "results").glob("records/*/*.json"))
    again = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert "epoch 1/3" not in again.stderr
    assert "epoch 3/3" in again.stderr


@pytest.mark.slow
def test_two_nodes_of_a_cluster_share_one_folder_and_what_is_killed_is_tried_again(command, monkeypatch, tmp_path):
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    monkeypatch.setenv("RAY_worker_niceness", "0")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1)
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        rows = ["Killed once", "Parent killed once", "Works", "Raises"]
        done = subprocess.run(command("--executor", "ray", rows=rows), capture_output=True, text=True, check=False)
    finally:
        cluster.shutdown()
    assert done.returncode == 1, done.stderr
    records = {record["row"]: record for record in Store(tmp_path / "results").records()}
    assert {row: record["status"] for row, record in records.items()} == {
        "Killed once": "done",
        "Parent killed once": "done",
        "Works": "done",
        "Raises": "failed",
    }
    assert records["Raises"]["cause"]["message"] == "the toy <broke>"
    assert len(list(tmp_path.glob("node-*"))) == 2


CHILDREN = {
    "silent": "import time; time.sleep(600)",
    "lively": "import sys, time\nfor n in range(9): print('epoch', n, flush=True); time.sleep(0.4)",
    "writes": """
import json, pathlib, sys, time
folder = pathlib.Path(json.load(open(sys.argv[1]))["results"], "runs", "r")
for n in range(9): folder.joinpath("checkpoint.pt").write_text(str(n)); time.sleep(0.4)
""",
    "is killed": "import os, signal, sys; print('the end', file=sys.stderr, flush=True); os.kill(os.getpid(), 9)",
    "is asked to stop": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "leaves no word": "import sys; print('no module', file=sys.stderr); sys.exit(3)",
    "fails": """
import sys
from pathlib import Path
from harness.errors import NonFiniteLoss
from harness.execution.first_error import leaving_first_error
def leave(error, rank):
    try:
        with leaving_first_error(Path(sys.argv[1]), rank): raise error
    except type(error): pass
leave(NonFiniteLoss("id not finite"), 1)
leave(RuntimeError("connection closed by peer"), 0)
sys.exit(1)
""",
    "meets bad input": """
import sys
from pathlib import Path
from harness.errors import BadInput
from harness.execution.first_error import leaving_first_error
with leaving_first_error(Path(sys.argv[1]), 0): raise BadInput("a file is missing; " + "put it back " * 60)
""",
    "is one of torchrun's, killed": "import sys; print('  exitcode  : -9 (pid: 7)', file=sys.stderr); sys.exit(1)",
}
"""What stands in for the process that carries out a job, so that no test waits for torch."""


@pytest.fixture
def launched(tmp_path, monkeypatch):
    """Launches one of CHILDREN in place of a worker; returns the lines of its progress."""

    def run(name, timeout=None):
        monkeypatch.setattr(
            launching, "_command", lambda processes, job: [sys.executable, "-c", CHILDREN[name], str(job)]
        )
        (tmp_path / "runs" / "r").mkdir(parents=True, exist_ok=True)
        said = []
        launching.launch(a_job(tmp_path), timeout, said.append)
        return said

    return run


def a_job(folder):
    return Job("r", (Cell("t", "Row", "d", "demo", 0),), str(folder), str(folder), "cpu", Computation(False), False)


def test_a_job_is_the_same_after_it_was_written(tmp_path):
    job = a_job(tmp_path)
    job.write(tmp_path / "job.json")
    assert Job.read(tmp_path / "job.json") == job


@pytest.mark.slow
def test_progress_is_passed_on_and_is_a_sign_of_life(launched):
    assert launched("lively", timeout=3.0) == [f"epoch {n}" for n in range(9)]


@pytest.mark.slow
def test_a_change_in_the_runs_folder_is_a_sign_of_life(launched):
    assert launched("writes", timeout=3.0) == []


def test_a_look_at_the_lock_of_a_run_is_no_sign_of_life(tmp_path):
    tmp_path.joinpath("log.txt").touch()
    os.utime(tmp_path / "log.txt", (1, 1))
    tmp_path.joinpath(".lock").touch()
    assert launching._newest_change(tmp_path) == 1


def test_a_silent_child_is_ended(launched):
    started = time.monotonic()
    with pytest.raises(FailedElsewhere, match="no line of progress and no change") as failure:
        launched("silent", timeout=1.0)
    assert failure.value.kind == "timeout"
    assert time.monotonic() - started < 60


@pytest.mark.parametrize(
    ("child", "error", "kind", "message"),
    [
        ("is killed", Killed, "killed", "killed by SIGKILL"),
        ("is one of torchrun's, killed", Killed, "killed", "killed by SIGKILL"),
        ("leaves no word", FailedElsewhere, "error", "ended with exit code 3"),
        ("fails", FailedElsewhere, "NaN loss", "id not finite"),
    ],
)
def test_a_child_that_fails_says_why(launched, child, error, kind, message):
    with pytest.raises(error, match=message) as failure:
        launched(child)
    assert failure.value.kind == kind
    assert failure.value.trace


def test_a_kill_while_the_machine_ran_out_of_memory_is_called_that(launched, monkeypatch):
    counts = iter((4, 5))
    monkeypatch.setattr(launching, "_killed_for_memory", lambda: next(counts))
    with pytest.raises(Killed) as failure:
        launched("is killed")
    assert failure.value.kind == "out of memory"


def test_what_the_user_is_to_mend_is_said_in_full(launched):
    with pytest.raises(BadInput, match=r"a file is missing; (put it back ){59}put it back"):
        launched("meets bad input")


def test_a_child_that_is_asked_to_stop_stops_the_command(launched):
    with pytest.raises(KeyboardInterrupt):
        launched("is asked to stop")


def test_torchrun_leaves_its_processes_nearly_all_the_time_to_stop(monkeypatch):
    monkeypatch.delenv("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", raising=False)
    assert "TORCH_ELASTIC_SHUTDOWN_TIMEOUT" not in launching._environment(1)
    assert 30 < int(launching._environment(2)["TORCH_ELASTIC_SHUTDOWN_TIMEOUT"]) < launching.STOP_SECONDS


def test_failures_survive_the_way_from_another_machine():
    error = pickle.loads(pickle.dumps(Killed("out of memory", "killed by SIGKILL", ["a line"])))
    assert (type(error), error.kind, str(error), error.trace) == (
        Killed,
        "out of memory",
        "killed by SIGKILL",
        ["a line"],
    )


def test_a_child_dies_with_the_process_that_started_it(tmp_path):
    script = f"""
import sys; sys.path[:0] = [{str(ROOT)!r}]
from pathlib import Path
from harness.execution import launching
from harness.execution.job import Job
sleeping = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
launching._command = lambda *_: [sys.executable, "-c", sleeping]
job = Job.read(Path({str(tmp_path / "job.json")!r}))
launching.launch(job, None, lambda line: print(line, flush=True))
"""
    a_job(tmp_path).write(tmp_path / "job.json")
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        parent.kill()
    for _ in range(1000):
        if not is_alive(child):
            break
        time.sleep(0.01)
    assert not is_alive(child)


def is_alive(process):
    """Whether a process runs; one that has ended may wait as a zombie for whoever inherits it."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--gpus-per-run", "0"), "--gpus-per-run 0: a run needs 1 or more"),
        (("--sync-bn",), "--sync-bn needs --gpus-per-run 2 or more"),
        (("--sync-bn", "--gpus-per-run", "2", "--device", "cpu"), "--sync-bn needs GPUs"),
        (("--workers", "0"), "--workers 0: give 1 or more"),
        (("--workers", "2", "--executor", "ray"), "--workers and --executor ray both share the runs"),
        (("--run-timeout", "0"), "--run-timeout 0: give a positive number of minutes"),
    ],
)
def test_options_that_do_not_go_together_get_one_sentence(capsys, tmp_path, arguments, said):
    table = ("--table", "mpn_ablation", "--profile", "demo", "--results", str(tmp_path / "results"))
    assert main([*table, *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"error: {said}")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"device": "cuda:1", "gpus_per_run": 2}, "--device cuda:1 names a single GPU, but --gpus-per-run is 2"),
        ({"device": "cuda:1", "executor": "ray"}, "--device cuda:1 names a single GPU, but --executor ray gives each"),
        ({"device": "cuda", "gpus_per_run": 5}, "--gpus-per-run 5: this machine has 4 GPUs"),
        (
            {"device": "cuda:1", "workers": 2},
            "--device cuda:1 names a single GPU, but --workers is 2; use --device cuda",
        ),
        ({"device": "cuda", "workers": 5}, "--workers 5 need 5 GPUs, 1 for each run, and this machine has 4; use 4 or"),
        (
            {"device": "cuda", "workers": 3, "gpus_per_run": 2},
            "--workers 3 need 6 GPUs, 2 for each run, and this machine has 4; use 2 or fewer",
        ),
    ],
)
def test_a_run_gets_no_more_gpus_than_there_are(monkeypatch, asked, said):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    request = Request("run", tables=("mpn_ablation",), precision="float32", **asked)
    with pytest.raises(BadInput, match=said):
        computation(request, request.device)
