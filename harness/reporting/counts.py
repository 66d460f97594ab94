"""A table of datasets as a page shows it: each published count beside the one found on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.datasets import DATASETS
from harness.reporting.tabular import Block, booktabs, csv_text
from harness.reporting.wording import count, listing, metric_name
from harness.results.record import Counts
from harness.tables import Table

AS_PAPERS_COUNT = {"gallery_images": "test_folder_images"}
"""Where a dataset's test folder holds images that are never ranked (Market-1501's junk), papers count them, too."""


@dataclass(frozen=True)
class Count:
    """One count, None where the paper prints a dash or nothing was found; as text, dashes for both."""

    metric: str
    published_count: float | None
    found_count: int | None

    @property
    def published(self) -> str:
        """The published count."""
        return count(self.published_count)

    @property
    def found(self) -> str:
        """What was counted."""
        return count(self.found_count)

    @property
    def differs_by(self) -> float | None:
        """Found minus published; None where either is unknown."""
        known = self.published_count is not None and self.found_count is not None
        return (self.found_count or 0) - (self.published_count or 0) if known else None

    @property
    def difference(self) -> str:
        """By how much the found count differs; nothing where it does not."""
        return f"{self.differs_by:+,.0f}".replace("-", "−") if self.differs_by else ""


@dataclass(frozen=True)
class CountRow:
    """One dataset by id and printed name; ``variant`` says which known form of it was found, or nothing."""

    dataset: str
    name: str
    variant: str
    counts: tuple[Count, ...]


@dataclass(frozen=True)
class CountTable:
    """The table's rows, then the embedded datasets that stand in for its own in a demo, where these were counted."""

    headings: tuple[str, ...]
    rows: tuple[CountRow, ...]
    stand_ins: tuple[CountRow, ...]

    @property
    def anything_found(self) -> bool:
        """Whether some dataset has been counted."""
        return any(each.found_count is not None for row in (*self.rows, *self.stand_ins) for each in row.counts)


def count_table(table: Table, found: Mapping[str, Counts]) -> CountTable | None:
    """A table of counts with what was ``found``, a record of counts by dataset; None for any other table."""
    if not table.prints_counts:
        return None
    published = [figures for row in table.rows for figures in row.published.values()]
    metrics = tuple(dict.fromkeys(metric for figures in published for metric in figures))
    rows = [
        _row(dataset, row.name, figures, found.get(dataset), metrics)
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
            _row(
                stand_in, f"{DATASETS[stand_in].title} (in a demo, for {listing(titles)})", {}, found[stand_in], metrics
            )
            for stand_in, titles in stand_ins.items()
        ),
    )


def counts_latex(table: CountTable) -> str:
    """The table as a booktabs ``tabular``; found counts only where something was found."""
    rows = (*table.rows, *table.stand_ins)
    kinds = ("published", "found") if table.anything_found else ("published",)
    blocks: list[Block] = [(heading, "", kinds) for heading in table.headings]
    return booktabs("Dataset", blocks, ([row.name, *_texts(row, table.anything_found)] for row in rows))


def _texts(row: CountRow, with_found: bool) -> list[str]:
    return [text for each in row.counts for text in (each.published, each.found)[: 1 + with_found]]


def counts_csv(table_id: str, table: CountTable) -> str:
    """Every count on a line of its own; found ones stand under ``measured``, nothing where unknown."""
    return csv_text(
        [
            *(table_id, "", row.name, row.dataset, "", each.metric, _plain(each.published_count)),
            *(_plain(each.found_count), *[""] * 4, _plain(each.differs_by), "", ""),
        ]
        for row in (*table.rows, *table.stand_ins)
        for each in row.counts
    )


def _plain(number: float | None) -> str:
    return "" if number is None else f"{number:.0f}"


def _stand_in(dataset: str) -> str:
    return DATASETS[dataset].stand_in


def _row(
    dataset: str, name: str, published: Mapping[str, float | None], record: Counts | None, metrics: Sequence[str]
) -> CountRow:
    counts = record["counts"] if record else {}
    return CountRow(
        dataset,
        name,
        record["variant"] if record else "",
        tuple(Count(metric, published.get(metric), _found(counts, metric)) for metric in metrics),
    )


def _found(counts: Mapping[str, int], metric: str) -> int | None:
    return counts.get(AS_PAPERS_COUNT.get(metric, metric), counts.get(metric))
