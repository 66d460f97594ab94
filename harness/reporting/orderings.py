"""Claims of a paper (orderings of rows), checked on the records of one dataset and profile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.datasets import dataset as dataset_spec
from harness.errors import BadInput
from harness.evaluation.claims import CheckedClaim, check_claim, check_gain
from harness.reporting.cells import Group, MeasuredCell
from harness.reporting.layout import Layout
from harness.results.stored import StoredArrays
from harness.tables import Claim


@dataclass(frozen=True)
class Ordering:
    """A claim and its check on the records of one group; ``remark`` says why it could not be checked."""

    claim: Claim
    checked: CheckedClaim | None
    remark: str = ""


def orderings(layout: Layout, group: Group, stored: StoredArrays) -> list[Ordering]:
    """Every claim of the table that is about the group's dataset, checked on the cells of its profile."""
    cells = {cell.row.key: cell for cell in layout.cells(group)}
    claims = [claim for claim in layout.table.claims if {claim.better, claim.worse} <= cells.keys()]
    plain = [_ordering(claim, cells[claim.better], cells[claim.worse], stored) for claim in claims if not claim.more_at]
    gains = [_gain(claim, layout, group, stored) for claim in claims if claim.more_at == group.dataset]
    return plain + gains


def _ordering(claim: Claim, better: MeasuredCell, worse: MeasuredCell, stored: StoredArrays) -> Ordering:
    remark = _unmeasured([better, worse])
    if remark:
        return Ordering(claim, None, remark)
    # Pairs are formed by query index, and each split has its own people at the same index.
    spec = dataset_spec(better.group.dataset)
    splits = {spec.split_of(record["seed"]) for cell in (better, worse) for record in cell.done}
    if len(splits) > 1:
        return Ordering(claim, None, f"not checked: its records are of {len(splits)} splits, each with its own queries")
    try:
        sides = stored.per_query(better.done), stored.per_query(worse.done)
        return Ordering(claim, check_claim(*sides, metric=claim.metric))
    except BadInput as error:
        return Ordering(claim, None, stored.on_page(error))


def _gain(claim: Claim, layout: Layout, group: Group, stored: StoredArrays) -> Ordering:
    """A claim on how much the better row gains at two positions of a dial."""
    positions = [
        {cell.row.key: cell for cell in layout.cells(each)}
        for column in (claim.more_at, claim.than_at)
        for each in layout.measured
        if (each.dataset, each.profile) == (column, group.profile)
    ]
    if len(positions) < 2:
        return Ordering(claim, None, f"not measured: {claim.than_at}")
    better, worse = ([cells[key] for cells in positions] for key in (claim.better, claim.worse))
    remark = _unmeasured([*better, *worse])
    if remark:
        return Ordering(claim, None, remark)
    try:
        sides = [(stored.per_query(row[0].done), stored.per_query(row[1].done)) for row in (better, worse)]
        return Ordering(claim, check_gain(sides[0], sides[1], metric=claim.metric))
    except BadInput as error:
        return Ordering(claim, None, stored.on_page(error))


def _unmeasured(cells: Sequence[MeasuredCell]) -> str:
    """A remark that names the cells without a record; empty where every cell has one."""
    missing = [f"{cell.row.key} on {cell.group.dataset}" for cell in cells if not cell.done]
    return f"not measured: {' and '.join(missing)}" if missing else ""
