"""The orderings that a paper states, checked on the records of one dataset and profile."""

from __future__ import annotations

from dataclasses import dataclass

from harness.datasets import dataset as dataset_spec
from harness.errors import BadInput
from harness.evaluation.claims import CheckedClaim, check_claim
from harness.reporting.cells import Group, MeasuredCell
from harness.reporting.layout import Layout
from harness.results.stored import StoredArrays
from harness.tables import Claim


@dataclass(frozen=True)
class Ordering:
    """A claim and what the records of one group say; ``remark`` says why nothing could be checked."""

    claim: Claim
    checked: CheckedClaim | None
    remark: str = ""


def orderings(layout: Layout, group: Group, stored: StoredArrays) -> list[Ordering]:
    """Every claim of the table, checked on the group's cells."""
    cells = {cell.row.key: cell for cell in layout.cells(group)}
    return [
        _ordering(claim, cells[claim.better], cells[claim.worse], stored)
        for claim in layout.table.claims
        if {claim.better, claim.worse} <= cells.keys()
    ]


def _ordering(claim: Claim, better: MeasuredCell, worse: MeasuredCell, stored: StoredArrays) -> Ordering:
    missing = [cell.row.key for cell in (better, worse) if not cell.done]
    if missing:
        return Ordering(claim, None, f"not measured: {' and '.join(missing)}")
    # The pairing is by query, and each split has people of its own in the same places.
    spec = dataset_spec(better.group.dataset)
    splits = {spec.split_of(record["seed"]) for cell in (better, worse) for record in cell.done}
    if len(splits) > 1:
        return Ordering(claim, None, f"not checked: its records are of {len(splits)} splits, each with its own queries")
    try:
        sides = stored.per_query(better.done), stored.per_query(worse.done)
        return Ordering(claim, check_claim(*sides, metric=claim.metric))
    except BadInput as error:
        return Ordering(claim, None, stored.on_page(error))
