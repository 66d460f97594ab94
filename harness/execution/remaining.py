"""The rest of a plan while several workers carry it out, read from the results folder alone."""

from __future__ import annotations

import math

from harness.errors import BadInput
from harness.plan.plan import Plan, PlannedCell, Run
from harness.results.store import Store
from harness.status.workers import workers_on


class Remaining:
    """Cells without a result, and the runs they need.

    A cell has a result once this worker tried it, once its record is of the planned evaluation, or once a worker that
    still works, or this one, recorded that it failed. So a failed cell is tried once by all workers together, and again
    by the next start.
    """

    def __init__(self, plan: Plan, store: Store) -> None:
        self.plan, self.store = plan, store
        self._cells = list(plan.pending)
        workers = workers_on(store, [planned.cell for planned in self._cells])
        self._began = min((worker.began for worker in workers), default=math.inf)
        self._seen: dict[PlannedCell, int] = {}
        """When a record that is no result was written, in nanoseconds since the epoch: it is read once."""

    def settle(self, cells: list[PlannedCell]) -> None:
        """Leave out cells that this worker tried."""
        self._cells = [planned for planned in self._cells if planned not in cells]

    def runs(self) -> list[Run]:
        """Runs to carry out, in the order of the plan: with cells to evaluate, or untrained and started from."""
        self.settle([planned for planned in self._cells if self._has_result(planned)])
        needed: set[Run] = set()
        for planned in self._cells:
            needed.add(planned.needed_run)
            for run in reversed(planned.needed_run.lineage):
                if self.store.is_trained(run.id):
                    break
                needed.add(run)
        return [run for run in self.plan.runs.values() if run in needed]

    def is_ready(self, run: Run) -> bool:
        """Whether a run can be carried out now: it is trained, or the run it starts from is."""
        return run.parent is None or self.store.is_trained(run.id) or self.store.is_trained(run.parent.id)

    def cells_of(self, run: Run) -> list[PlannedCell]:
        """Cells without a result that are read from a run."""
        return [planned for planned in self._cells if planned.run is run]

    def cells_behind(self, run: Run) -> list[PlannedCell]:
        """Cells without a result that need a run, or a run that starts from it."""
        return [planned for planned in self._cells if run in planned.needed_run.lineage]

    def _has_result(self, planned: PlannedCell) -> bool:
        try:
            written = self.store.record_path(planned.cell).stat().st_mtime_ns
            if self._seen.get(planned) == written:
                return False
            record = self.store.record(planned.cell)
        except (FileNotFoundError, BadInput):
            return False
        if record is not None and record["run"] == planned.needed_run.id:
            if record["status"] == "done" and record["evaluation_id"] == planned.evaluation_id:
                return True
            if record["status"] == "failed" and written >= self._began:
                return True
        self._seen[planned] = written
        return False
