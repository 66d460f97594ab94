"""The cells that a command line asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.cell import Settings, cell_id
from harness.datasets import DATASETS
from harness.datasets import dataset as dataset_spec
from harness.datasets.folder import PREFIX as FOLDER
from harness.datasets.synthetic import FLAVOURS
from harness.errors import BadInput, unknown_name_error
from harness.plan.shelf import Shelf
from harness.recipe import Profile
from harness.tables import Row, Table, table, tables

SECOND_DOMAIN = "synthetic_b"
"""The embedded dataset that a cross-dataset table is tested on in a demo. It trains on the first embedded one."""


@dataclass(frozen=True)
class Choice:
    """Rows of one table on some datasets, at one profile."""

    table: Table
    rows: tuple[Row, ...]
    datasets: tuple[str, ...]
    profile: Profile
    notice: str = ""
    """One line that tells the user what was chosen for them."""
    combinations: tuple[Settings, ...] = ((),)
    """Settings of one's own; each combination is a cell of its own."""


def chosen_tables(ids: Sequence[str]) -> list[Table]:
    """The tables with these ids; every table for ``all``. Raises BadInput with the nearest for an unknown id."""
    if "all" in ids:
        return list(tables().values())
    return [table(table_id) for table_id in dict.fromkeys(ids)]


def chosen_rows(wanted: Sequence[Table], names: Sequence[str]) -> dict[str, tuple[Row, ...]]:
    """Rows called ``names`` by table id; every row without ``names``. Raises BadInput for a name no table has."""
    if not names:
        return {each.id: each.rows for each in wanted}
    for name in names:
        if not any(name in (row.key, row.name) for each in wanted for row in each.rows):
            raise unknown_name_error("row", name, [row.key for each in wanted for row in each.rows])
    return {each.id: tuple(row for row in each.rows if row.key in names or row.name in names) for each in wanted}


def choose(
    wanted: Table, rows: tuple[Row, ...], dataset: str | None, profile: Profile | None, shelf: Shelf, planning: bool
) -> Choice:
    """Choose datasets and profile for one table.

    Without ``dataset`` the choice is the table's datasets under the data root, at ``profile`` or ``paper``. If none is
    there, it is the embedded datasets that stand in for them, at ``demo``. A table of our own has its own embedded
    columns, such as the positions of a dial.

    Args:
        wanted: The table.
        rows: Its rows to plan.
        dataset: Id of the only dataset to plan, or None.
        profile: The profile to plan, or None for the default.
        shelf: The datasets under the data root.
        planning: Whether nothing will run. Then datasets that are not there can be chosen, too.

    Raises:
        BadInput: The named dataset is not there, or ``budget`` or ``paper`` finds no dataset.
    """
    if wanted.prints_complexity:
        return Choice(wanted, rows, (), "paper", f"{wanted.id}: costs are measured, nothing is trained")
    if dataset is not None:
        spec = dataset_spec(dataset)
        missing = shelf.missing(dataset)
        if missing and not planning:
            raise BadInput(f"--dataset {dataset}: {missing}")
        return Choice(wanted, rows, (spec.id,), profile or ("demo" if spec.embedded else "paper"))
    if wanted.is_our_own:
        return Choice(wanted, rows, wanted.columns, profile or "demo")
    if profile in ("demo", "study"):
        return Choice(wanted, rows, _stand_ins(wanted), profile)
    columns = tuple(column for column in wanted.columns if column in DATASETS)
    found = tuple(column for column in columns if shelf.missing(column) is None)
    if profile is not None and (planning or found):
        return Choice(wanted, rows, columns if planning else found, profile)
    if profile is not None:
        raise BadInput(
            f"--profile {profile}: none of the datasets of {wanted.id} ({', '.join(columns)}) is under "
            f"{shelf.data_root}; name its folder with --data-root, or use --profile demo"
        )
    if found:
        return Choice(wanted, rows, found, "paper", f"{wanted.id}: found {', '.join(found)}; profile paper")
    notice = (
        f"{wanted.id}: none of its datasets ({', '.join(columns) or 'none'}) is under {shelf.data_root}, so this is "
        f"the demo on {' and '.join(_stand_ins(wanted))}"
        f"{'; --profile paper plans it as printed' if planning else ''}"
    )
    return Choice(wanted, rows, _stand_ins(wanted), "demo", notice)


def _stand_ins(wanted: Table) -> tuple[str, ...]:
    """The embedded datasets that stand in for a table's own."""
    if any(row.trained_on for row in wanted.rows):
        return (SECOND_DOMAIN,)
    columns = [column for column in wanted.columns if column in DATASETS]
    return tuple(dict.fromkeys(DATASETS[column].stand_in for column in columns)) or (FLAVOURS[0].id,)


def parse_cell(address: str) -> tuple[Table, Row, str]:
    """Table, row and dataset id of a cell's address, ``mpn_ablation-MPN-market1501``.

    Raises BadInput with the nearest known name for an unknown part.
    """
    table_id, _, rest = address.partition("-")
    # The path of a user's own folder may have hyphens. No other dataset id has one.
    row, found_folder, path = rest.partition(f"-{FOLDER}")
    dataset = FOLDER + path
    if not found_folder:
        row, _, dataset = rest.rpartition("-")
    if not row:
        example = cell_id("mpn_ablation", "MPN", "market1501")
        raise BadInput(f"{address!r} is not a cell; write TABLE-ROW-DATASET, such as {example}")
    found = table(table_id)
    return found, found.row(row), dataset_spec(dataset).id
