"""Which records have a place on a page: rows are renamed, methods and datasets removed, and their records stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.datasets import dataset as dataset_spec
from harness.errors import BadInput
from harness.recipe import PROFILES
from harness.results.record import Record, record_label
from harness.tables import Table


@dataclass(frozen=True)
class LeftOut:
    """A record without a place in any table. ``record`` names it, ``reason`` says why."""

    record: str
    reason: str

    @property
    def sentence(self) -> str:
        """Both, for the command line."""
        return f"not shown, but kept: {self.record}: {self.reason}"


def known_records(records: Sequence[Record], tables: Mapping[str, Table]) -> tuple[list[Record], list[LeftOut]]:
    """The records that have a place in a table, and the others."""
    shown, left_out = [], []
    for record in records:
        reason = _no_place(record, tables)
        if reason:
            left_out.append(LeftOut(record_label(record), reason))
        else:
            shown.append(record)
    return shown, left_out


def _no_place(record: Record, tables: Mapping[str, Table]) -> str | None:
    table = tables.get(record["table"])
    if table is None:
        return f"there is no table {record['table']}"
    if record["row"] not in {row.key for row in table.rows}:
        return f"{table.id} has no row {record['row']!r}"
    if record["profile"] not in PROFILES:
        return f"there is no profile {record['profile']!r}"
    try:
        dataset_spec(record["dataset"])
    except BadInput as error:
        return str(error)
    return None
