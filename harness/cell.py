"""A cell of a table and its address."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from harness.recipe import Profile


@dataclass(frozen=True)
class Cell:
    """One (table row, dataset), for one seed and profile."""

    table: str
    row: str
    dataset: str
    profile: Profile
    seed: int

    @property
    def id(self) -> str:
        """The cell's address on the command line, in pytest and in reports."""
        return cell_id(self.table, self.row, self.dataset)


def cell_id(table: str, row: str, dataset: str) -> str:
    """The address of a cell: ``mpn_ablation-MPN-market1501``."""
    return f"{table}-{row}-{dataset}"


def cell_command(table: str, row: str, dataset: str, profile: str, *options: str) -> str:
    """The command that runs a cell, quoted for a shell.

    Args:
        table: Id of the table.
        row: Name or key of the row.
        dataset: Id of the dataset.
        profile: The profile.
        options: Further options of ``harness.run``.
    """
    which = ["--table", table, "--row", row, "--dataset", dataset, "--profile", profile, *options]
    return f"python -m harness.run {shlex.join(which)}"
