"""The link from the index to the inspector of a method: on which people its full network gains."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from harness.reporting.cells import PROFILE_ORDER, Group, MeasuredCell
from harness.reporting.full_method import is_full
from harness.reporting.layout import Layout
from harness.results.stored import StoredArrays


@dataclass(frozen=True)
class PeopleLink:
    """The ``page`` with its anchor, and what is compared there: the table's ``label`` and the ``data``."""

    page: str
    label: str
    data: str


def people_link(layouts: Iterable[Layout], stored: StoredArrays, pages: Collection[str]) -> PeopleLink | None:
    """The inspector that answers best: of the full method, on the longest training, over most rows; None without one.

    Args:
        layouts: The tables of one method.
        stored: Arrays beside the records.
        pages: File names of the pages that exist.
    """
    found = [
        (_rank(layout, group, rows), layout, group)
        for layout in layouts
        for group in layout.measured
        if f"{layout.table.id}.html" in pages
        and len(rows := [cell for cell in layout.cells(group) if _is_kept(cell, stored)]) > 1
    ]
    if not found:
        return None
    _, layout, group = min(found, key=lambda each: each[0])
    return PeopleLink(f"{layout.table.id}.html#{group.anchor}", layout.table.label, group.title)


def _is_kept(cell: MeasuredCell, stored: StoredArrays) -> bool:
    """Whether some record of the cell has what the inspector reads."""
    return any(all(stored.path(record, name).exists() for name in ("features", "scores")) for record in cell.done)


def _rank(layout: Layout, group: Group, rows: list[MeasuredCell]) -> tuple[bool, bool, int, int]:
    full = any(is_full(cell.row) for cell in rows)
    profile = PROFILE_ORDER.index(group.profile) if group.profile else 0
    return not full, layout.table.is_our_own, profile, -len(rows)
