"""``pytest benchmarks`` on a results folder that is not there, and on one with a damaged record."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.results.store import Store
from tests.records import done_record

FIGURES = {"rank1": 96.3, "map": 89.4}
"""As MPN's paper prints them."""
CHECKS = Path(__file__).parents[2] / "benchmarks" / "test_reproduction.py"


def checked(results):
    command = [sys.executable, "-m", "pytest", str(CHECKS), "-k", "mpn_ablation-MPN-", "-p", "no:cacheprovider"]
    environment = {**os.environ, "HARNESS_RESULTS": str(results)}
    return subprocess.run(command, cwd=CHECKS.parents[1], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_results_that_are_not_there_are_named_once_and_end_the_checks(tmp_path):
    done = checked(tmp_path / "results")
    assert done.returncode == 2
    said = f"error: HARNESS_RESULTS {tmp_path / 'results'} is not a folder; run a table first"
    assert done.stdout.count(said) == 1
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.slow
def test_a_damaged_record_is_named_once_and_the_other_cells_are_checked(tmp_path):
    store = Store(tmp_path)
    for seed in (0, 1, 2):
        store.write_record(done_record("mpn_ablation", "MPN", "market1501", "paper", seed, FIGURES, reasons=()))
    damaged = store.write_record(done_record("mpn_k", "K = 6", "market1501", "paper"))
    damaged.write_text("{")
    done = checked(tmp_path)
    assert done.returncode == 0
    assert done.stdout.count(f"damaged: {damaged}: damaged, not valid JSON") == 1
    assert "1 passed" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
