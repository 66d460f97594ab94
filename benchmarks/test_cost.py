"""Parameters and multiply-adds against what papers print and their layers add up to. Needs neither data nor weights."""

from __future__ import annotations

import pytest
import torch

from harness import registry
from harness.measure import count_operations, inference_parameters
from harness.tables import tables

PRINTED_TOLERANCE_M = 0.15
"""No single counting rule gives all five parameter counts of MPN's Table 9; they agree within this many millions."""


def switches_of(table_id: str, row: str) -> dict[str, object]:
    return dict(tables()[table_id].row(row).switches)


def test_mpn_parameters_as_printed_in_table_9() -> None:
    printed = tables()["mpn_complexity"].row("MPN°").published["testing"]["params_m"]
    assert printed is not None
    counted = inference_parameters("mpn", switches_of("mpn_complexity", "MPN°")) / 1e6
    assert counted == pytest.approx(float(printed), abs=PRINTED_TOLERANCE_M)


@pytest.mark.parametrize(("row", "giga"), [("MPN°", 7.29), ("Baseline", 6.28)])
def test_mpn_multiply_adds_at_384x128(row: str, giga: float) -> None:
    method = registry.method("mpn")
    switches = method.parse(switches_of("mpn_ablation", row), row)
    recipe = method.recipe(switches, "market1501", "paper")
    with torch.device("meta"):
        model = method.build(switches, 2, recipe.backbone)
    counted = count_operations(model, recipe.height, recipe.width)["macs"] / 1e9
    assert counted == pytest.approx(giga, abs=0.01)
