"""Claims of a paper (orderings of rows), checked on the records of one dataset and profile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.datasets import dataset as dataset_spec
from harness.errors import BadInput
from harness.evaluation.claims import CheckedClaim, check_claim, check_gain
from harness.reporting.cells import Group, MeasuredCell
from harness.reporting.glyphs import Glyph, Scale, glyph
from harness.reporting.layout import Layout
from harness.reporting.wording import plain_message
from harness.results.record import DoneRecord
from harness.results.stored import NotKept, StoredArrays
from harness.tables import Claim, Table

NOT_KEPT = "the ranks of the queries were not kept; run the cells again to check it"


@dataclass(frozen=True)
class PaperDifference:
    """The difference that the paper prints, on the ``dataset`` (its title) that it prints it for."""

    points: float
    decimals: int
    dataset: str


@dataclass(frozen=True)
class Ordering:
    """A claim and its check on the records of one group.

    Where it could not be checked, ``missing`` has the rows that are not measured, or ``remark`` says why. ``paper`` is
    the paper's own difference, on the group's dataset where it is printed, else on its first one.
    """

    claim: Claim
    checked: CheckedClaim | None = None
    paper: PaperDifference | None = None
    missing: tuple[str, ...] = ()
    remark: str = ""

    @property
    def word(self) -> str:
        """``holds``, ``contradicted``, ``undecided`` or ``not checked``."""
        return self.checked.word if self.checked else "not checked"


def orderings(layout: Layout, group: Group, stored: StoredArrays) -> list[Ordering]:
    """Every claim of the table that is about the group's dataset, checked on the cells of its profile."""
    cells = {cell.row.key: cell for cell in layout.cells(group)}
    claims = [claim for claim in layout.table.claims if {claim.better, claim.worse} <= cells.keys()]
    plain = [
        _ordering(claim, cells[claim.better], cells[claim.worse], stored, paper_difference(layout.table, claim, group))
        for claim in claims
        if not claim.more_at
    ]
    return plain + [_gain(claim, layout, group, stored) for claim in claims if claim.more_at == group.dataset]


def paper_difference(table: Table, claim: Claim, group: Group) -> PaperDifference | None:
    """The difference of a claim's rows as the paper prints it; None where it prints none of the two."""
    better, worse = table.row(claim.better), table.row(claim.worse)
    for name in dict.fromkeys([group.dataset, *table.columns]):
        first = better.published_of_its_own(name).get(claim.metric)
        second = worse.published_of_its_own(name).get(claim.metric)
        if first is not None and second is not None:
            return PaperDifference(first - second, max(first.decimals, second.decimals), dataset_spec(name).title)
    return None


@dataclass(frozen=True)
class Forest:
    """How checked claims are drawn: one scale, and a drawing per claim, in their order."""

    scale: Scale
    glyphs: tuple[Glyph, ...]


def forest(found: Sequence[Ordering]) -> Forest | None:
    """The drawings of the checked claims among these; None where none is checked."""
    drawn = [(each.checked, each.paper.points if each.paper else None) for each in found if each.checked]
    if not drawn:
        return None
    papers = [paper for _, paper in drawn if paper is not None]
    bounds = [bound for checked, _ in drawn for bound in (*checked.interval, checked.difference)]
    scale = Scale.over([0.0, *papers, *bounds])
    return Forest(
        scale,
        tuple(glyph(scale, checked.difference, checked.interval, paper=paper, zero=True) for checked, paper in drawn),
    )


def _ordering(
    claim: Claim, better: MeasuredCell, worse: MeasuredCell, stored: StoredArrays, paper: PaperDifference | None
) -> Ordering:
    missing = tuple(cell.row.key for cell in (better, worse) if not cell.done)
    if missing:
        return Ordering(claim, paper=paper, missing=missing)
    # Pairs are formed by query index, and each split has its own people at the same index.
    spec = dataset_spec(better.group.dataset)
    splits = {spec.split_of(record["seed"]) for cell in (better, worse) for record in cell.done}
    if len(splits) > 1:
        remark = f"the records are of {len(splits)} splits, each with its own queries"
        return Ordering(claim, paper=paper, remark=remark)
    try:
        first, second = of_shared_seeds(better.done, worse.done)
        checked = check_claim(stored.per_query(first), stored.per_query(second), metric=claim.metric)
        return Ordering(claim, checked, paper)
    except NotKept:
        return Ordering(claim, paper=paper, remark=NOT_KEPT)
    except BadInput as error:
        return Ordering(claim, paper=paper, remark=plain_message(stored.on_page(error)))


def of_shared_seeds(
    better: Sequence[DoneRecord], worse: Sequence[DoneRecord]
) -> tuple[list[DoneRecord], list[DoneRecord]]:
    """The records of the seeds that both rows have, which start alike; all records where they share no seed."""
    shared = {record["seed"] for record in better} & {record["seed"] for record in worse}
    first, second = ([record for record in side if not shared or record["seed"] in shared] for side in (better, worse))
    return first, second


def _gain(claim: Claim, layout: Layout, group: Group, stored: StoredArrays) -> Ordering:
    """A claim on how much the better row gains at two positions of a dial."""
    positions = [
        {cell.row.key: cell for cell in layout.cells(each)}
        for column in (claim.more_at, claim.than_at)
        for each in layout.measured
        if (each.dataset, each.profile) == (column, group.profile)
    ]
    if len(positions) < 2:
        return Ordering(claim, missing=(claim.than_at,))
    better, worse = ([cells[key] for cells in positions] for key in (claim.better, claim.worse))
    missing = tuple(f"{cell.row.key} on {cell.group.dataset}" for cell in (*better, *worse) if not cell.done)
    if missing:
        return Ordering(claim, missing=missing)
    try:
        at = [of_shared_seeds(first.done, second.done) for first, second in zip(better, worse, strict=True)]
        sides = [(stored.per_query(at[0][side]), stored.per_query(at[1][side])) for side in (0, 1)]
        return Ordering(claim, check_gain(sides[0], sides[1], metric=claim.metric))
    except NotKept:
        return Ordering(claim, remark=NOT_KEPT)
    except BadInput as error:
        return Ordering(claim, remark=plain_message(stored.on_page(error)))
