"""Sentences above a page's table: which profile, dataset, seeds and start its figures are from."""

from __future__ import annotations

from collections.abc import Sequence

from harness.datasets import dataset as dataset_spec
from harness.datasets.base import DatasetSpec
from harness.reporting.cells import Group, MeasuredCell
from harness.reporting.layout import Layout
from harness.reporting.wording import listing, plain_message
from harness.results.sentences import start_sentence

OPENINGS = {"demo": "Demo", "study": "Study", "budget": "Budget", "paper": "Full-recipe"}

SPENT = {
    "demo": "a demo recipe of minutes on two CPU cores",
    "study": "a recipe that converges on the embedded data",
    "budget": "a shortened recipe",
    "paper": "the recipe as printed",
}


def headline(layout: Layout) -> list[str]:
    """A sentence for each measured dataset and profile, said once: seeds, rows and initialisation."""
    if layout.table.prints_counts:
        return ["This table counts datasets; it needs no training."]
    if layout.table.prints_complexity:
        return ["This table compares costs; they are measured, and nothing is trained for it."]
    if not any(row.row.runs for row in layout.rows):
        return ["This table quotes other work or describes data: its published figures are listed, nothing is run."]
    if layout.measured:
        return list(dict.fromkeys(_group_sentence(group, layout.cells(group)) for group in layout.measured))
    if not layout.table.built:
        return ["The method is not built yet; its published figures are listed."]
    return ["Nothing has been measured for this table yet; click a dash for the command that measures its cell."]


def reasons(layout: Layout) -> list[str]:
    """Why figures of the page are not comparable with the published ones, each reason once."""
    return list(
        dict.fromkeys(reason for group in layout.measured for cell in layout.cells(group) for reason in cell.reasons)
    )


def _group_sentence(group: Group, cells: Sequence[MeasuredCell]) -> str:
    done = [cell for cell in cells if cell.done]
    dataset, profile = dataset_spec(group.dataset), group.profile or "paper"
    where = "the embedded dataset" if dataset.embedded else dataset.title
    opening = f"{OPENINGS[profile]} figures on {where}"
    if dataset.embedded:
        opening += ": an ordering exercise, not a reproduction"
    facts = [f"{SPENT[profile]}, {len(done)} of {len(cells)} rows", *_seeds(done, dataset), *_starts(done)]
    return f"{opening} ({'; '.join(facts)})."


def _seeds(cells: Sequence[MeasuredCell], dataset: DatasetSpec) -> list[str]:
    if not cells:
        return []
    seeds = [{record["seed"] for record in cell.done} for cell in cells]
    if dataset.splits > 1:
        splits = _span([len({dataset.split_of(seed) for seed in own}) for own in seeds])
        return [f"{splits} of {dataset.splits} splits, each a training of its own"]
    if any(own != seeds[0] for own in seeds):
        count = _span([len(own) for own in seeds])
        return [f"{count} seed{'' if count == '1' else 's'} per row"]
    return [f"seed{'s' * (len(seeds[0]) > 1)} {listing([str(seed) for seed in sorted(seeds[0])])}"]


def _span(counts: Sequence[int]) -> str:
    return str(counts[0]) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def _starts(cells: Sequence[MeasuredCell]) -> list[str]:
    starts = [record["receipt"]["initialisation"] for cell in cells for record in cell.done]
    sources = sorted({plain_message(start_sentence(start, name_run=False)) for start in starts})
    return [f"initialised from {listing(sources)}"] if sources else []
