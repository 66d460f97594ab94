"""Everything that the pages of one results folder are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jinja2 import Environment

from harness.reporting.cells import Group
from harness.reporting.known_records import LeftOut
from harness.reporting.layout import Layout
from harness.reporting.orderings import Ordering
from harness.reporting.wording import plain_message
from harness.results.imported import ImportedRecords
from harness.results.reading import Damaged
from harness.results.record import Counts, MeasuredTable
from harness.results.stored import StoredArrays
from harness.tables import Table


@dataclass(frozen=True)
class Sources:
    """What is measured, and what else the pages say.

    ``layouts`` has every table by id, ``orderings`` the claims of each table checked on each of its measured groups.
    ``live`` says whether the pages look for newer ones by themselves.
    """

    environment: Environment
    stored: StoredArrays
    layouts: Mapping[str, Layout]
    orderings: Mapping[tuple[str, Group], list[Ordering]]
    counts: Mapping[str, Counts]
    measured: Mapping[str, MeasuredTable]
    damaged: Sequence[Damaged]
    left_out: Sequence[LeftOut]
    imported: Sequence[ImportedRecords]
    images: bool
    live: bool

    def damaged_of(self, table: Table) -> list[tuple[str, str]]:
        """Path and reason of each damaged file of a table. Every table of datasets shows the counts of all."""
        return self.named(
            [
                each
                for each in self.damaged
                if each.table == table.id or (table.prints_counts and each.path.parent.name == "datasets")
            ]
        )

    def named(self, damaged: Sequence[Damaged]) -> list[tuple[str, str]]:
        """Path, relative to the results folder, and reason of each damaged file."""
        return [(each.path.relative_to(self.stored.results).as_posix(), plain_message(each.reason)) for each in damaged]


def method_page(method_id: str) -> str:
    """File name of a method's page. No table has it: their ids hold no hyphen."""
    return f"method-{method_id}.html"
