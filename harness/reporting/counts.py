"""A table of datasets as a page shows it: each published count beside the one found on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.datasets import DATASETS
from harness.reporting.wording import DASH, count, listing, metric_name
from harness.store import Record
from harness.tables import Table

AS_PAPERS_COUNT = {"gallery_images": "test_folder_images"}
"""Where a dataset's test folder holds images that are never ranked (Market-1501's junk), papers count them, too."""


@dataclass(frozen=True)
class Count:
    """One count: as published, as found, and by how much the found one differs; dashes and nothing where unknown."""

    published: str
    found: str
    difference: str = ""


@dataclass(frozen=True)
class CountRow:
    """One dataset; ``variant`` says which known form of it was found, or nothing."""

    name: str
    variant: str
    counts: tuple[Count, ...]


@dataclass(frozen=True)
class CountTable:
    """The table's rows, then the embedded datasets that stand in for its own in a demo, where these were counted."""

    headings: tuple[str, ...]
    rows: tuple[CountRow, ...]
    stand_ins: tuple[CountRow, ...]


def count_table(table: Table, found: Mapping[str, Record]) -> CountTable | None:
    """A table of counts with what was ``found``, a record of counts by dataset; None for any other table."""
    if not table.prints_counts:
        return None
    published = [figures for row in table.rows for figures in row.published.values()]
    metrics = tuple(dict.fromkeys(metric for figures in published for metric in figures))
    rows = [
        _row(row.name, figures, found.get(dataset), metrics)
        for row in table.rows
        for dataset, figures in row.published.items()
    ]
    stand_ins = {
        DATASETS[column].stand_in: [DATASETS[each].title for each in table.columns if _stand_in(each) == stand_in]
        for column in table.columns
        if (stand_in := _stand_in(column)) in found
    }
    return CountTable(
        tuple(metric_name(metric) for metric in metrics),
        tuple(rows),
        tuple(
            _row(f"{DATASETS[stand_in].title} (in a demo, for {listing(titles)})", {}, found[stand_in], metrics)
            for stand_in, titles in stand_ins.items()
        ),
    )


def _stand_in(dataset: str) -> str:
    return DATASETS[dataset].stand_in


def _row(name: str, published: Mapping[str, float | None], record: Record | None, metrics: tuple[str, ...]) -> CountRow:
    counts = record["counts"] if record else {}
    return CountRow(
        name,
        record["variant"] if record else "",
        tuple(_count(published.get(metric), _found(counts, metric)) for metric in metrics),
    )


def _found(counts: Mapping[str, int], metric: str) -> int | None:
    return counts.get(AS_PAPERS_COUNT.get(metric, metric), counts.get(metric))


def _count(published: float | None, found: int | None) -> Count:
    differs = published is not None and found is not None and found != published
    return Count(
        DASH if published is None else count(published),
        DASH if found is None else count(found),
        f"{(found or 0) - (published or 0):+,.0f}".replace("-", "−") if differs else "",
    )
