"""Parameters and multiply-adds against printed figures and sums over layers. Needs neither data nor weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from harness import registry
from harness.measure import count_operations, inference_parameters
from harness.tables import Row, tables

PRINTED_TOLERANCE_M = 0.15
"""Tolerance in millions. No single counting rule gives all five parameter counts of MPN's Table 9."""

TIMEOUT_S = 300


@pytest.mark.parametrize("row", [row for row in tables()["mpn_complexity"].rows if row.runs], ids=lambda row: row.key)
def test_parameters_as_printed_in_table_9_of_mpn(row: Row) -> None:
    printed = row.published["testing"]["params_m"]
    assert printed is not None
    counted = inference_parameters(row.method, dict(row.switches)) / 1e6
    assert counted == pytest.approx(float(printed), abs=PRINTED_TOLERANCE_M)


@pytest.mark.parametrize(("row", "giga"), [("MPN°", 7.29), ("Baseline", 6.28)])
def test_mpn_multiply_adds_at_384x128(row: str, giga: float) -> None:
    method = registry.method("mpn")
    switches = method.parse(dict(tables()["mpn_ablation"].row(row).switches), row)
    recipe = method.recipe(switches, "market1501", "paper")
    with torch.device("meta"):
        model = method.build(switches, 2, recipe.backbone)
    counted = count_operations(model, recipe.height, recipe.width)["macs"] / 1e9
    assert counted == pytest.approx(giga, abs=0.01)


def test_table_9_of_mpn_is_measured_printed_and_rendered_in_five_minutes(tmp_path: Path) -> None:
    folders = ["--results", str(tmp_path / "results"), "--report", str(tmp_path / "pages")]
    command = [sys.executable, "-m", "harness.run", "--table", "mpn_complexity", "--device", "cpu", *folders]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "pages" / "mpn_complexity.html").read_text(encoding="utf-8")
    for shown in (done.stdout, page):
        assert "Measured in turns in one process" in shown
        assert all(row.key in shown for row in tables()["mpn_complexity"].rows)
