"""The cell that a damaged record file belongs to: found by the file's name, since its content cannot be trusted."""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.cell import Cell
from harness.datasets import DATASETS
from harness.recipe import PROFILES
from harness.results.reading import Damaged
from harness.results.store import record_name
from harness.tables import Table

SEED = re.compile(r"-seed(\d+)-[0-9a-f]{8}$")


def damaged_cells(table: Table, damaged: Iterable[Damaged]) -> dict[Cell, Damaged]:
    """The table's cells whose record file is damaged. A file that no cell would write is left out."""
    own = {each.path.name: each for each in damaged if each.table == table.id and SEED.search(each.path.stem)}
    seeds = {int(found[1]) for name in own if (found := SEED.search(name.removesuffix(".json")))}
    cells = (
        Cell(table.id, row.key, dataset, profile, seed)
        for seed in sorted(seeds)
        for row in table.rows
        if row.runs
        for dataset in dict.fromkeys([*table.columns, *DATASETS])
        for profile in PROFILES
    )
    return {cell: own[name] for cell in cells if (name := record_name(cell)) in own}
