"""A cell of a table and its address."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from harness.recipe import Profile

INITIAL_WEIGHTS = "initial_weights"
"""Name of the setting that a file of weights makes. Its value begins the file's SHA-256."""


@dataclass(frozen=True)
class Setting:
    """One setting of one's own: ``recipe.optimiser.rate`` and its value, as its type writes it."""

    name: str
    value: str

    @property
    def label(self) -> str:
        """The setting on pages: ``optimiser.rate 0.02``."""
        name = self.name.removeprefix("recipe.").removeprefix("switches.").replace("_", " ")
        return f"{name} {self.value}"


Settings = tuple[Setting, ...]


def settings_label(settings: Settings) -> str:
    """Settings of one's own on one line; empty for a cell as printed."""
    return f"not as printed: {', '.join(setting.label for setting in settings)}" if settings else ""


@dataclass(frozen=True)
class Cell:
    """One (table row, dataset), for one seed and profile; with ``settings`` of one's own it is not as printed."""

    table: str
    row: str
    dataset: str
    profile: Profile
    seed: int
    settings: Settings = ()

    @property
    def id(self) -> str:
        """The cell's address on the command line, in pytest and in reports."""
        return cell_id(self.table, self.row, self.dataset)

    @property
    def label(self) -> str:
        """The cell in words: its address, and what is not as printed."""
        return f"{self.id} ({settings_label(self.settings)})" if self.settings else self.id


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
