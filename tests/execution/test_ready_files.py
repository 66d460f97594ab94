"""The ready files for Slurm, Kubernetes and SkyPilot: as far as they can be tried without a cluster."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

import harness.execution
from harness.commands.options import parse_flags
from harness.tables import tables
from tests.execution.test_launching import is_alive

FOLDER = Path(harness.execution.__file__).parent
SLURM = sorted(FOLDER.glob("slurm/*.sbatch"))
KUBERNETES = FOLDER / "kubernetes" / "workers.yaml"
SKYPILOT = FOLDER / "skypilot" / "workers.yaml"
GUIDE = FOLDER.parents[1] / "docs" / "how-to" / "clusters.md"

FAKES = {
    "python": """
case "$*" in
    *harness.run*)
        echo "harness $* at ${RAY_ADDRESS:-none} with ${OMP_NUM_THREADS:-all} threads" >> "$LOG"
        [[ -z ${SLOW:-} ]] || { trap 'kill $!; echo "stopped" >> "$LOG"; exit 130' TERM; sleep 60 & wait $!; }
        while (($(cat "$LOG.nodes" 2> /dev/null | wc -l) < ${NODES:-0})); do sleep 0.05; done
        exit "${CODE:-0}";;
    *) exec python3 "$@";;
esac
""",
    "srun": """
echo "srun $*" >> "$LOG"
while [[ $1 == --* ]]; do shift; done
exec "$@"
""",
    "scontrol": """
[[ $1 == show ]] && printf 'node1\\nnode2\\n' || echo "scontrol $*" >> "$LOG"
""",
    "hostname": "echo 10.0.0.1 fe80::1",
    "ray": """
echo "ray $*" >> "$LOG"
[[ $1 == start ]] || exit 0
echo $$ >> "$LOG.nodes"
trap 'kill $!; exit 0' TERM
sleep 60 & wait $!
""",
}
"""Commands of a cluster: each writes down how it was called."""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Starts a batch script among fake commands; returns the process, whose calls stand in the file ``log``."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for name, text in FAKES.items():
        (commands / name).write_text(f"#!/usr/bin/env bash\n{text}")
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(commands), os.environ["PATH"]]))
    for name, value in {
        "LOG": tmp_path / "log",
        "SLURM_JOB_ID": f"test{os.getpid()}",
        "SLURM_ARRAY_JOB_ID": "7",
        "SLURM_ARRAY_TASK_ID": "3",
        "SLURM_JOB_NODELIST": "node[1-2]",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_CPUS_PER_TASK": "8",
        "SLURM_SUBMIT_DIR": tmp_path,
    }.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    (tmp_path / "log").touch()

    def start(script, **environment):
        command = ["bash", str(FOLDER / "slurm" / script), "--table", "mpn_ablation"]
        return subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True)

    return start


def wait_for(line, log):
    """Wait until a line begins so in a file."""
    while not re.search(rf"^{line}", log.read_text(), re.MULTILINE):
        pass


@pytest.mark.parametrize("script", SLURM, ids=lambda path: path.name)
def test_bash_reads_a_batch_script_and_our_options_read_its_example(script):
    subprocess.run(["bash", "-n", str(script)], check=True)
    text = script.read_text()
    example = re.search(
        rf"sbatch \S*{script.name} (.*?)\n#[^ ]*(?:SBATCH| [A-Z])", text.replace("\\\n#", ""), re.DOTALL
    )
    request = parse_flags(shlex.split(example[1].replace("\n#", " ")))
    assert request.tables and request.results == Path("/shared/results")
    assert set(request.tables) <= {*tables(), "all"}
    assert "#SBATCH --requeue" in text and "--signal=B:TERM@120" in text


def test_a_task_of_an_array_is_a_worker_on_its_cores_and_its_exit_code_is_that_of_the_worker(slurm, tmp_path):
    with slurm("workers.sbatch", CODE="1") as process:
        assert process.wait() == 1
    log = (tmp_path / "log").read_text()
    assert log == "harness -m harness.run --table mpn_ablation at none with 8 threads\n"


def test_a_task_whose_time_is_over_stops_its_worker_and_goes_back_into_the_queue(slurm, tmp_path):
    with slurm("workers.sbatch", SLOW="1") as process:
        wait_for("harness", tmp_path / "log")
        process.terminate()
        assert process.wait() == 0
    assert (tmp_path / "log").read_text().splitlines()[1:] == ["stopped", "scontrol requeue 7_3"]


def test_ray_takes_a_free_port_and_a_folder_of_its_own_and_ends_with_the_work(slurm, tmp_path):
    with slurm("ray.sbatch", CODE="1", NODES="2") as process:
        assert process.wait() == 1, process.stderr.read()
    log = (tmp_path / "log").read_text()
    port = re.search(r"^ray start --head --node-ip-address=10\.0\.0\.1 --port=(\d+) ", log, re.MULTILINE)[1]
    assert int(port) > 1023
    assert f"--temp-dir=/tmp/ray-{os.environ['SLURM_JOB_ID']} " in log
    assert f"ray start --address=10.0.0.1:{port} --num-cpus=8 --block" in log
    assert f"harness -m harness.run --executor ray --table mpn_ablation at 10.0.0.1:{port}" in log
    nodes = (tmp_path / "log.nodes").read_text().split()
    assert nodes and not any(is_alive(node) for node in nodes), "the cluster does not outlive its work"
    assert not list(tmp_path.glob(".ray-address-*"))
    assert "#SBATCH --exclusive" in (FOLDER / "slurm" / "ray.sbatch").read_text()


def test_a_kubernetes_job_is_indexed_and_our_options_read_its_arguments():
    job = yaml.safe_load(KUBERNETES.read_text())
    assert (job["kind"], job["spec"]["completionMode"]) == ("Job", "Indexed")
    assert job["spec"]["parallelism"] == job["spec"]["completions"]
    (worker,) = job["spec"]["template"]["spec"]["containers"]
    assert worker["command"] == ["python", "-m", "harness.run"]
    request = parse_flags(worker["args"])
    assert (request.tables, request.results) == (("mpn_ablation",), Path("/shared/results"))
    mounted = {mount["name"] for mount in worker["volumeMounts"]}
    assert mounted == {volume["name"] for volume in job["spec"]["template"]["spec"]["volumes"]}


def test_a_skypilot_task_runs_a_worker_per_gpu_and_its_scripts_are_read_by_a_shell():
    task = yaml.safe_load(SKYPILOT.read_text())
    for script in (task["setup"], task["run"]):
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    (line,) = re.findall(r"python -m harness\.run (.*)", task["run"])
    request = parse_flags(shlex.split(line.replace("$SKYPILOT_NUM_GPUS_PER_NODE", "8")))
    assert (request.workers, request.data_root) == (8, Path("/data"))


def test_the_guide_names_every_ready_file_and_only_options_that_there_are():
    guide = GUIDE.read_text(encoding="utf-8")
    for file in (*SLURM, KUBERNETES, SKYPILOT):
        assert str(file.relative_to(FOLDER.parents[1])) in guide
    for line in re.findall(r"^python -m harness\.run (.*)$", guide, re.MULTILINE):
        parse_flags(shlex.split(line))
