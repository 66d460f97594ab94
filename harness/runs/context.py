"""Values that travel with a run, from plan to record."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property

from harness.datasets.base import Dataset, Passport
from harness.plan.plan import PlannedCell, Run
from harness.plan.shelf import Shelf
from harness.progress import Watch
from harness.results.record import Evaluation, Manifest, PriorsOfSplit
from harness.results.store import Store
from harness.training.machine import Machine
from harness.training.world import World


@dataclass(frozen=True)
class RunContext:
    """Data, results, device, progress and processes of a run.

    ``keep_images`` lets records hold images of real datasets. ``held`` is the run that the process which launched this
    one holds. ``precision_asked``: the user named the precision, so no other is taken. ``stop_degenerate``: a run that
    collapses is ended.
    """

    shelf: Shelf
    store: Store
    machine: Machine
    watch: Watch
    world: World = field(default_factory=World)
    keep_images: bool = False
    held: str | None = None
    precision_asked: bool = False
    stop_degenerate: bool = False

    def claim(self, run: Run) -> AbstractContextManager[None]:
        """Hold a run against other processes on the same results folder; says so before it waits for one."""
        if run.id == self.held:
            return nullcontext()
        return self.store.claim_run(run.id, lambda: self.watch.say(f"run {run.id} is worked on elsewhere; waiting"))


@dataclass(frozen=True)
class TrainedRun:
    """A run that is trained, with the manifest that it left."""

    run: Run
    manifest: Manifest
    context: RunContext


@dataclass(frozen=True)
class EvaluatedCell:
    """A cell whose evaluation is written: everything that its record is made from."""

    planned: PlannedCell
    trained: TrainedRun
    dataset: Dataset
    evaluation: Evaluation

    @property
    def run(self) -> Run:
        """The run that the cell is read from."""
        return self.trained.run

    @property
    def trained_on(self) -> Passport:
        """Passport of the dataset that the run trained on, which may be another than the cell's."""
        return self.trained.context.shelf.dataset(self.run.dataset, self.run.seed).passport

    @cached_property
    def priors(self) -> dict[str, PriorsOfSplit]:
        """The priors that were read, by split: ``train`` by the run, ``query`` and ``gallery`` by the test feature."""
        of_training, kinds = self.trained.manifest["priors"], self.planned.priors
        found = {"train": of_training} if of_training else {}
        for split in ("query", "gallery") if kinds else ():
            priors = self.trained.context.shelf.priors(self.planned.cell.dataset, self.run.seed, split, kinds)
            found[split] = {"kinds": list(kinds), "provider": priors.provider, "fingerprint": priors.fingerprint}
        return found


@dataclass(frozen=True)
class Order:
    """The leader's order to the other processes: train a run, or extract the features of a test set."""

    run: str
    dataset: str | None = None
    priors: tuple[str, ...] = ()
