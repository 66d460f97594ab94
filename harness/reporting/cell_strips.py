"""Strips: the cells of a table on one dataset at one profile, each with its state, and the state of its claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.datasets import dataset as dataset_spec
from harness.reporting.cells import Group, MeasuredCell
from harness.reporting.layout import Layout
from harness.reporting.orderings import Ordering
from harness.reporting.states import count_states
from harness.reporting.wording import fixed, metric_name, printed

CLAIM_WORDS = ("holds", "contradicted", "undecided", "not checked")


@dataclass(frozen=True)
class StripCell:
    """One cell of a strip: its row, its state, and its figures in words."""

    row: str
    word: str
    figures: str


@dataclass(frozen=True)
class Strip:
    """The cells that run of one table, dataset and profile, in the paper's order.

    ``claims`` counts the checked claims by word; ``seeds`` reads ``1`` or ``1 to 3``; ``newest`` is when the newest
    training of a record began, as recorded, empty where none is done.
    """

    group: Group
    title: str
    cells: tuple[StripCell, ...]
    claims: Mapping[str, int]
    seeds: str
    newest: str

    @property
    def states(self) -> dict[str, int]:
        """How many cells are in each state."""
        return count_states(cell.word for cell in self.cells)

    @property
    def done(self) -> int:
        """Cells with a figure."""
        return sum(cell.word not in ("failed", "damaged", "not run") for cell in self.cells)


def strip(layout: Layout, group: Group, found: Sequence[Ordering]) -> Strip:
    """The strip of a measured group, with the check of its claims."""
    cells = layout.cells(group)
    started = [record["receipt"]["started"] for cell in cells for record in cell.done]
    return Strip(
        group,
        dataset_spec(group.dataset).title,
        tuple(StripCell(cell.row.key, cell.word, _figures(cell)) for cell in cells),
        count_claims(found),
        span(len(cell.done) for cell in cells if cell.done),
        max(started, default=""),
    )


def count_claims(found: Iterable[Ordering]) -> dict[str, int]:
    """How often each word occurs, in the order of ``CLAIM_WORDS``; absent ones are left out."""
    counted = Counter(ordering.word for ordering in found)
    return {word: counted[word] for word in CLAIM_WORDS if counted[word]}


def span(counts: Iterable[int]) -> str:
    """``3``, or ``1 to 3`` where they differ; empty without any."""
    found = sorted(set(counts))
    return " to ".join(map(str, dict.fromkeys([found[0], found[-1]]))) if found else ""


def _figures(cell: MeasuredCell) -> str:
    if not cell.done:
        return cell.failed[0]["cause"]["kind"] if cell.failed else ""
    return ", ".join(
        f"{metric_name(metric)} {fixed(figure.mean, figure.decimals)}"
        + (f" (paper {printed(figure.published)})" if figure.published is not None else "")
        for metric, figure in cell.figures.items()
    )
