"""What stands below the table for each dataset and profile: claims, cost, charts, ranked lists, part attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from markupsafe import Markup

from harness.datasets import dataset as dataset_spec
from harness.reporting.attention import Attention, attentions
from harness.reporting.cells import Group, MeasuredCell
from harness.reporting.charts import RANKS, Bar, Line, cmc_chart, loss_chart, map_chart
from harness.reporting.contact_sheet import ContactSheet, contact_sheet
from harness.reporting.costs import CostTable, cost_table
from harness.reporting.layout import Layout
from harness.reporting.orderings import Ordering, orderings
from harness.reporting.ranked_lists import RankedLists, ranked_lists
from harness.reporting.training_curves import caption as training_caption
from harness.reporting.training_curves import training_curves
from harness.results.stored import StoredArrays


@dataclass(frozen=True)
class RowLists:
    """The ranked lists of a row's first seed and its mAP; ``opened`` for the rows that a reader meets first."""

    name: str
    map: float
    lists: RankedLists
    opened: bool


@dataclass(frozen=True)
class Chart:
    """A drawing with what it shows, and ``values``, where those who do not see it find them as numbers."""

    title: str
    caption: str
    values: str
    drawing: Markup


@dataclass(frozen=True)
class GroupSection:
    """All that is shown below the table for one group."""

    group: Group
    orderings: list[Ordering]
    cost: CostTable
    charts: list[Chart]
    lists: list[RowLists]
    attention: list[Attention]
    contact_sheet: ContactSheet | None
    """The embedded dataset at a glance; None for real data."""


def group_section(layout: Layout, group: Group, stored: StoredArrays, images: bool) -> GroupSection:
    """Gather a group's section. Images are shown for the embedded dataset, for others only when ``images`` is asked."""
    done = [cell for cell in layout.cells(group) if cell.done]
    show_images = images or dataset_spec(group.dataset).embedded
    return GroupSection(
        group,
        orderings(layout, group, stored),
        cost_table(done),
        _charts(done),
        _lists(done, stored, show_images),
        attentions(done, stored) if show_images else [],
        contact_sheet(done[0].done[0], stored) if done else None,
    )


def _lists(done: Sequence[MeasuredCell], stored: StoredArrays, show_images: bool) -> list[RowLists]:
    scores = [cell.done[0]["metrics"]["map"] for cell in done]
    return [
        RowLists(
            cell.row.key, score, ranked_lists(cell.done[0], stored, show_images), score in (max(scores), min(scores))
        )
        for cell, score in zip(done, scores, strict=True)
    ]


def _charts(done: Sequence[MeasuredCell]) -> list[Chart]:
    """Each chart that the records can fill."""
    trained = training_curves(done)
    charts = []
    if done:
        caption = "Whiskers: 95 % bootstrap interval by identity (over several seeds, the lowest to the highest)."
        values = "the values stand in the table and its receipts"
        charts.append(Chart("mAP", caption, values, map_chart([_bar(cell) for cell in done])))
    if done:
        caption = f"Queries with a right match at rank k or before, k from 1 to {RANKS}; mean over seeds."
        values = "the values at ranks 1, 5, 10 and 20 stand in the receipts, all under cmc in the records listed below"
        charts.append(Chart("CMC curves", caption, values, cmc_chart([_cmc(cell) for cell in done])))
    if trained:
        panels = [(curves.title, list(curves.lines.values())) for curves in trained]
        values = "the values stand under curves in the records listed below"
        charts.append(Chart("Training curves", training_caption(trained), values, loss_chart(panels)))
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
