"""A plan: cells, the runs they need, and where each stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from harness.cell import Cell
from harness.files.hashing import canonical_hash
from harness.machine.computation import Computation
from harness.method import Method
from harness.recipe import Profile, Recipe

State = Literal["cached", "stale", "fresh", "failed", "blocked", "quoted"]


@dataclass(eq=False)
class Run:
    """One training. ``id`` is the hash of ``configuration``, all that can change its weights."""

    method: Method
    switches: Any
    dataset: str
    profile: Profile
    seed: int
    recipe: Recipe
    parent: Run | None
    computation: Computation
    configuration: dict[str, Any]
    blocked: str | None

    @cached_property
    def id(self) -> str:
        """Sixteen hex digits."""
        return canonical_hash(self.configuration)


@dataclass(eq=False)
class PlannedCell:
    """A cell with what is known of it: its run, how it is evaluated, and where it stands."""

    cell: Cell
    method: str
    published: dict[str, float | None]
    run: Run | None
    embedding: str
    reranked: bool
    switches: Any
    evaluation: dict[str, Any]
    state: State
    reason: str

    @property
    def evaluation_id(self) -> str:
        """Hash of all that can change the figures of the trained run."""
        return canonical_hash(self.evaluation)

    @property
    def reading(self) -> str:
        """What of its run the cell is scored by, as folders and receipts call it."""
        return f"{self.embedding}-reranked" if self.reranked else self.embedding

    @property
    def priors(self) -> tuple[str, ...]:
        """Kinds of prior that its test feature is made from."""
        assert self.run is not None
        return self.run.method.priors(self.switches).inference


@dataclass
class Plan:
    """Cells in the order of their tables, and the distinct runs they need, each after the run it starts from."""

    cells: list[PlannedCell] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)

    def cells_of(self, run: Run) -> list[PlannedCell]:
        """The cells that are read from a run."""
        return [planned for planned in self.cells if planned.run is run]
