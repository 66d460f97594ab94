"""``pytest benchmarks`` on a results folder that cannot be used ends at once, in one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKS = Path(__file__).parents[2] / "benchmarks" / "test_reproduction.py"


def checked(results):
    command = [sys.executable, "-m", "pytest", str(CHECKS), "-k", "mpn_ablation-MPN-", "-p", "no:cacheprovider"]
    environment = {**os.environ, "HARNESS_RESULTS": str(results)}
    return subprocess.run(command, cwd=CHECKS.parents[1], env=environment, capture_output=True, text=True, check=False)


def damaged(folder):
    (folder / "records" / "t").mkdir(parents=True)
    (folder / "records" / "t" / "r.json").write_text("{")


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda folder: None, "error: HARNESS_RESULTS {folder} is not a folder; run a table first"),
        (damaged, "error: {folder}/records/t/r.json: damaged, not valid JSON"),
    ],
    ids=["not there", "a damaged record"],
)
def test_results_that_cannot_be_used_are_named_once(tmp_path, prepare, said):
    folder = tmp_path / "results"
    prepare(folder)
    done = checked(folder)
    assert done.returncode == 2
    assert done.stdout.count(said.format(folder=folder)) == 1
    assert "Traceback" not in done.stdout + done.stderr
