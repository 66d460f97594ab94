"""The trainings under way in a results folder: in this process, in others, or on other machines that share it.

A training writes ``runs/<run>/progress.json`` after each epoch. A process that works on a run holds the run's lock;
looking at a lock does not wait for it. Locks of another machine may be invisible here: its training counts as under way
until ``PATIENCE`` epochs' time and ``SLACK`` have passed since its last epoch.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict, cast

from harness.evaluation.degeneracy import Degeneracy
from harness.files.atomic import write_json
from harness.files.locks import is_held
from harness.machine.hardware import device_name, hardware_facts
from harness.results.fields import missing_field
from harness.results.store import LOCK, Store
from harness.training.log import TrainingLog

if TYPE_CHECKING:
    from harness.plan.plan import Run

PROGRESS = "progress.json"
PATIENCE = 3
SLACK = 300.0
"""Extra seconds for another machine; before its first epoch is done, these are all."""

Stage = Literal["training", "evaluating", "interrupted"]


class ProgressFile(TypedDict):
    """How far a training is. The seconds and the images per second are None before the first epoch is done."""

    method: str
    dataset: str
    profile: str
    seed: int
    epoch: int
    epochs: int
    images_per_second: float | None
    epoch_seconds: float | None
    device: str
    host: str
    degenerate: NotRequired[Degeneracy]


@dataclass(frozen=True)
class TrainingProgress:
    """A run that a process works on, or worked on when it ended.

    ``images_per_second`` is the last epoch's and ``epoch_seconds`` the median; both are None before the first epoch is
    done. ``age`` is the seconds since the last epoch was done.
    """

    run: str
    method: str
    dataset: str
    profile: str
    seed: int
    epoch: int
    epochs: int
    images_per_second: float | None
    epoch_seconds: float | None
    device: str
    host: str
    stage: Stage
    age: float
    degenerate: Degeneracy | None = None
    """A sign that its network has collapsed."""

    @property
    def training_seconds(self) -> float | None:
        """Seconds of the whole training; None before the first epoch is done."""
        return self.epochs * self.epoch_seconds if self.epoch_seconds else None

    @property
    def seconds_left(self) -> float | None:
        """Seconds left of the training; None where that is unknown."""
        if self.stage != "training":
            return 0.0 if self.stage == "evaluating" else None
        return max(0.0, (self.epochs - self.epoch) * self.epoch_seconds - self.age) if self.epoch_seconds else None


def write_progress(
    store: Store, run: Run, device: str, log: TrainingLog | None = None, sign: Degeneracy | None = None
) -> None:
    """Write how far a training is.

    Args:
        store: The results folder.
        run: The run that is trained.
        device: The device of this process, such as ``cuda:0``.
        log: The epochs so far; None where the training begins or resumes.
        sign: A sign that the network has collapsed.

    Raises:
        BadInput: The folder cannot be written.
    """
    path = store.run_folder(run.id) / PROGRESS
    before = _read(path)
    progress: ProgressFile = {
        "method": run.method.id,
        "dataset": run.dataset,
        "profile": run.profile,
        "seed": run.seed,
        "epoch": log["epoch"][-1] if log else before["epoch"] if before else 0,
        "epochs": run.recipe.epochs,
        "images_per_second": log["images_per_second"][-1] if log else before and before["images_per_second"],
        "epoch_seconds": median(log["seconds"]) if log else before and before["epoch_seconds"],
        "device": _device_name(device, run.computation.processes),
        "host": socket.gethostname(),
    }
    if sign:
        progress["degenerate"] = sign
    write_json(path, progress)


def trainings_in(store: Store) -> list[TrainingProgress]:
    """Runs under way and interrupted runs, sorted by id."""
    return list(_found(store))


def _found(store: Store) -> Iterator[TrainingProgress]:
    for path in sorted(store.folder.glob(f"runs/*/{PROGRESS}")):
        said, age = _read(path), _age(path)
        if said is None or age is None:
            continue
        trained, held = (path.parent / "run.json").exists(), is_held(path.parent / LOCK)
        stage: Stage = "evaluating" if trained else "training"
        if not held:
            if trained:
                continue
            patience = PATIENCE * (said["epoch_seconds"] or 0) + SLACK
            if said["host"] == socket.gethostname() or age > patience:
                stage = "interrupted"
        yield TrainingProgress(run=path.parent.name, stage=stage, age=age, **said)


def _read(path: Path) -> ProgressFile | None:
    """Content of a progress file; None where there is none or it is damaged, since nothing depends on it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if missing_field(content, ProgressFile) is not None:
        return None
    return cast(ProgressFile, {name: content[name] for name in ProgressFile.__annotations__ if name in content})


def _age(path: Path) -> float | None:
    try:
        return max(0.0, time.time() - path.stat().st_mtime)
    except FileNotFoundError:
        return None


def _device_name(device: str, processes: int) -> str:
    name = device_name(hardware_facts(device))
    return f"{processes} x {name}" if processes > 1 else name
