"""A plan: cells, the runs they need, and the state of each cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from harness.cell import Cell
from harness.datasets.base import DatasetSpec
from harness.files.hashing import canonical_hash
from harness.machine.computation import Computation
from harness.method import Method
from harness.plan.code import configuration_hash
from harness.plan.fingerprint import content
from harness.recipe import Profile, Recipe
from harness.results.record import EvaluationConfiguration, RunConfiguration
from harness.tables import Figure, Row, Table

State = Literal["cached", "stale", "fresh", "failed", "damaged", "blocked", "quoted"]

PENDING: tuple[State, ...] = ("fresh", "stale", "failed")
"""States of the cells that a run command works on."""
NOT_READ = "not read"
"""Stands for the fingerprint of data that a plan may not read or cannot find."""


@dataclass(eq=False)
class Run:
    """One training. Its ``id`` is the hash of ``configuration``, which holds all that can change its weights."""

    method: Method
    switches: Any
    dataset: str
    profile: Profile
    seed: int
    recipe: Recipe
    parent: Run | None
    """The run whose weights it starts from."""
    computation: Computation
    configuration: RunConfiguration
    blocked: str | None
    """Why it cannot be trained here."""
    weights_file: Path | None = None
    """The file of weights that the user named for its trunk."""

    @cached_property
    def id(self) -> str:
        """Hash of the configuration: sixteen hex digits."""
        return configuration_hash(self.configuration)

    @property
    def shown_id(self) -> str:
        """The id, or why there is none yet: it depends on the data."""
        return "(named once its data is there)" if self.configuration["passport"] == NOT_READ else self.id

    @property
    def lineage(self) -> tuple[Run, ...]:
        """The runs that lead to this one, from the first to itself. Each starts from the one before."""
        return (*(self.parent.lineage if self.parent else ()), self)

    @property
    def label(self) -> str:
        """The run in words."""
        return f"{self.method.id} on {self.dataset}, {self.profile}, seed {self.seed}"


@dataclass(eq=False)
class PlannedCell:
    """A cell with its table row, dataset, run, evaluation and state.

    ``run``, ``switches`` and ``evaluation`` are None for a quoted row; ``evaluation`` also for a blocked cell.
    """

    cell: Cell
    table: Table
    row: Row
    spec: DatasetSpec
    run: Run | None = None
    embedding: str = ""
    reranked: bool = False
    switches: Any = None
    evaluation: EvaluationConfiguration | None = None
    state: State = "quoted"
    reason: str = "quoted from other work"

    @property
    def method(self) -> str:
        """Id of the method that runs the row."""
        return self.row.method or self.table.method

    @property
    def published(self) -> dict[str, Figure | None]:
        """Published figures of the cell; none where the paper prints another row's figures, or settings are set."""
        return {} if self.cell.settings else self.row.published_of_its_own(self.cell.dataset)

    @property
    def needed_run(self) -> Run:
        """The run of a cell that is not quoted."""
        assert self.run is not None
        return self.run

    @property
    def evaluation_id(self) -> str:
        """Hash of all that can change the cell's figures: run, data, protocol and code of the evaluation."""
        assert self.evaluation is not None
        return configuration_hash(self.evaluation)

    @property
    def code_hash(self) -> str:
        """Hash of the code that trains and evaluates the cell, for its receipt."""
        assert self.evaluation is not None
        return canonical_hash([content(self.needed_run.configuration["code"]), content(self.evaluation["code"])])

    @property
    def feature_label(self) -> str:
        """The scored feature, as folders name it."""
        return f"{self.embedding}-reranked" if self.reranked else self.embedding

    @property
    def priors(self) -> tuple[str, ...]:
        """Kinds of prior that its test feature needs."""
        return self.needed_run.method.priors(self.switches).inference


@dataclass
class Plan:
    """Cells in the order of their tables, and the distinct runs they need. A run follows the run it starts from."""

    cells: list[PlannedCell] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)

    @property
    def pending(self) -> list[PlannedCell]:
        """Cells that a run command works on."""
        return [planned for planned in self.cells if planned.state in PENDING]

    def cells_of(self, run: Run) -> list[PlannedCell]:
        """The cells that are read from a run."""
        return [planned for planned in self.cells if planned.run is run]

    def pending_of(self, run: Run) -> list[PlannedCell]:
        """The pending cells of a run."""
        return [planned for planned in self.pending if planned.run is run]
