"""Sections below a page's table, per dataset and profile: claims, cost, charts, ranked lists, attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from harness.datasets import dataset as dataset_spec
from harness.reporting.attention import Attention, attentions
from harness.reporting.cells import Group, MeasuredCell
from harness.reporting.charts import RANKS, Bar, Line, cmc_chart, loss_chart, map_chart
from harness.reporting.contact_sheet import ContactSheet, contact_sheet
from harness.reporting.costs import CostTable, cost_table
from harness.reporting.drawing import Drawing
from harness.reporting.inspector import Inspector, inspector
from harness.reporting.layout import Layout
from harness.reporting.orderings import Forest, Ordering, forest
from harness.reporting.ranked_lists import RankedLists, ranked_lists
from harness.reporting.training_curves import caption as training_caption
from harness.reporting.training_curves import converged, training_curves
from harness.results.stored import StoredArrays

EMBEDDED_PICTURES = 1_200_000
"""Characters of a page for the images of the embedded datasets, of the 3 MB that a page may have."""
REAL_PICTURES = 12_000_000
"""Characters for the images of a real dataset, which are shown on request only."""


@dataclass(frozen=True)
class RowLists:
    """The ranked lists of a row's first seed, and its mAP."""

    name: str
    map: float
    lists: RankedLists


@dataclass(frozen=True)
class Chart:
    """A drawing and its caption. ``values`` tells readers who cannot see it where the numbers stand."""

    title: str
    caption: str
    values: str
    drawing: Drawing


@dataclass(frozen=True)
class GroupSection:
    """Everything below the table for one group."""

    group: Group
    orderings: list[Ordering]
    forest: Forest | None
    """How the checked orderings are drawn; None where none is checked."""
    cost: CostTable
    charts: list[Chart]
    inspector: Inspector
    lists: list[RowLists]
    """Of all rows; none where the inspector shows them."""
    attention: list[Attention]
    contact_sheet: ContactSheet | None
    """The embedded dataset's contact sheet; None for real data."""


def group_section(
    layout: Layout, group: Group, found: list[Ordering], stored: StoredArrays, images: bool
) -> GroupSection:
    """The section of a group.

    Args:
        layout: The table of the group.
        group: Dataset and profile.
        found: The table's claims, checked on the group.
        stored: Arrays beside the records.
        images: Whether images of real datasets are shown; those of the embedded datasets always are.
    """
    done = [cell for cell in layout.cells(group) if cell.done]
    show_images = images or dataset_spec(group.dataset).embedded
    inspected = inspector(done, stored, show_images, _picture_budget(layout, group))
    return GroupSection(
        group,
        found,
        forest(found),
        cost_table(done),
        _charts(done),
        inspected,
        [] if inspected.data else _lists(done, stored, show_images),
        attentions(done, stored) if show_images else [],
        contact_sheet(done[0].done[0], stored) if done else None,
    )


def _picture_budget(layout: Layout, group: Group) -> int:
    """Characters for the images of a group's inspector. All groups of a page share them."""
    if not dataset_spec(group.dataset).embedded:
        return REAL_PICTURES
    return EMBEDDED_PICTURES // sum(dataset_spec(each.dataset).embedded for each in layout.measured)


def _lists(done: Sequence[MeasuredCell], stored: StoredArrays, show_images: bool) -> list[RowLists]:
    return [
        RowLists(cell.row.key, cell.done[0]["metrics"]["map"], ranked_lists(cell.done[0], stored, show_images))
        for cell in done
    ]


def _charts(done: Sequence[MeasuredCell]) -> list[Chart]:
    """The charts of done cells; none where no cell is done."""
    trained = training_curves(done)
    charts = []
    if done:
        caption = "Whiskers: 95 % bootstrap interval by identity (over several seeds, the lowest to the highest)."
        values = "the values stand in the table and its receipts"
        charts.append(Chart("mAP", caption, values, map_chart([_bar(cell) for cell in done])))
    if done:
        caption = f"Queries with a right match within the first k ranks, k from 1 to {RANKS}; mean over seeds."
        values = "the values at ranks 1, 5, 10 and 20 stand in the receipts, all under cmc in the records listed below"
        charts.append(Chart("CMC curves", caption, values, cmc_chart([_cmc(cell) for cell in done])))
    if trained:
        panels = [(curves.title, list(curves.lines.values())) for curves in trained]
        values = "the values stand under curves in the records listed below"
        charts.append(Chart("Training curves", training_caption(trained) + converged(done), values, loss_chart(panels)))
    return charts


def _bar(cell: MeasuredCell) -> Bar:
    value = fmean(cell.mean_per_split([record["metrics"]["map"] for record in cell.done]))
    known = [record["intervals"]["map"]["by_identity"] for record in cell.done]
    return Bar(
        cell.row.key, value, min([value, *(low for low, _ in known)]), max([value, *(high for _, high in known)])
    )


def _cmc(cell: MeasuredCell) -> Line:
    curves = zip(*(record["cmc"][:RANKS] for record in cell.done), strict=True)
    values = [fmean(cell.mean_per_split(rates)) for rates in curves]
    return Line(cell.row.key, range(1, len(values) + 1), values)
