"""A job: one run to carry out, described so that another process or machine can plan it again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cell import Cell, Setting
from harness.errors import BadInput
from harness.files.atomic import write_json
from harness.machine.computation import Computation
from harness.plan.selection import Choice
from harness.plan.shelf import Shelf
from harness.results.record import Record
from harness.results.store import Store
from harness.tables import table

if TYPE_CHECKING:
    from harness.plan.plan import Plan, PlannedCell, Run
    from harness.plan.planner import Planner
    from harness.runs.context import RunContext


@dataclass(frozen=True)
class Job:
    """A run by its id, with ``cells`` that need it. They are planned again where the job is carried out.

    Cells that are read from the run itself are then evaluated. ``data_root`` and ``results`` are absolute. ``held``:
    the process that launches the job holds the run.
    """

    run: str
    cells: tuple[Cell, ...]
    data_root: str
    results: str
    device: str
    computation: Computation
    keep_images: bool
    held: bool = False
    initial_weights: str | None = None
    precision_asked: bool = False
    stop_degenerate: bool = False

    @classmethod
    def of(cls, run: Run, cells: Sequence[PlannedCell], context: RunContext, held: bool = False) -> Job:
        """The job of a run for these cells of a plan."""
        return cls(
            run=run.id,
            cells=tuple(planned.cell for planned in cells),
            data_root=str(context.shelf.data_root.resolve()),
            results=str(context.store.folder.resolve()),
            device=str(context.machine.device),
            computation=run.computation,
            keep_images=context.keep_images,
            held=held,
            initial_weights=next((str(each.weights_file.resolve()) for each in run.lineage if each.weights_file), None),
            precision_asked=context.precision_asked,
            stop_degenerate=context.stop_degenerate,
        )

    @classmethod
    def read(cls, path: Path) -> Job:
        """The job in a file."""
        content = json.loads(path.read_text(encoding="utf-8"))
        content["cells"] = tuple(_cell(cell) for cell in content["cells"])
        content["computation"] = Computation(**content["computation"])
        return cls(**content)

    def write(self, path: Path) -> None:
        """Write the job as JSON."""
        write_json(path, asdict(self))

    def planner(self) -> Planner:
        """A planner for its folders on this machine."""
        from harness.plan.planner import Planner

        file = Path(self.initial_weights) if self.initial_weights else None
        shelf, store = Shelf(Path(self.data_root)), Store(Path(self.results))
        return Planner(shelf, store, self.computation, initial_weights=file)

    def plan(self, planner: Planner) -> Plan:
        """The plan of its cells. Raises BadInput if this machine plans another run, or cannot plan it."""
        from harness.plan.plan import Plan

        plan = Plan()
        for cell in self.cells:
            of_cell = table(cell.table)
            rows, own = (of_cell.row(cell.row),), (cell.settings,)
            choice = Choice(of_cell, rows, (cell.dataset,), cell.profile, combinations=own)
            planner.add(plan, choice, [cell.seed])
        for planned in plan.cells:
            if planned.state == "blocked":
                raise BadInput(f"{planned.cell.id} was planned, but here it is blocked: {planned.reason}")
        if self.run not in plan.runs:
            raise BadInput(
                f"run {self.run} is not what this machine makes of {self.cells[0].id}: its code, data, priors or "
                "initial weights differ from those where the command was started; make them the same"
            )
        return plan

    def records(self) -> list[Record]:
        """The records of its cells, once it is carried out."""
        store = Store(Path(self.results))
        found = (store.record(cell) for cell in self.cells)
        return [record for record in found if record and record["run"] == self.run]


def _cell(content: dict[str, Any]) -> Cell:
    """A cell as JSON has it."""
    return Cell(**{**content, "settings": tuple(Setting(**each) for each in content["settings"])})
