"""The trainings under way in a results folder: in this process, in others, or on other machines that share it.

A training leaves ``runs/<run>/progress.json`` after each epoch. Whether it is still under way is told by the lock that
whoever works on a run holds, without waiting for it. Where another machine's locks cannot be seen from here, a
training counts as under way as long as it is no later with its next epoch than ``PATIENCE`` epochs take.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from harness.files.atomic import write_json
from harness.machine.hardware import device_name, hardware_facts
from harness.results.store import Store
from harness.training.log import TrainingLog

if TYPE_CHECKING:
    from harness.plan.plan import Run

PROGRESS = "progress.json"
PATIENCE = 3
SLACK = 300.0
"""Seconds more that are granted to another machine, and all that it has before its first epoch is done."""

Stage = Literal["training", "evaluating", "interrupted"]

PROGRESS_FIELDS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("method", "dataset", "profile", "device", "host"), (str,)),
    **dict.fromkeys(("seed", "epoch", "epochs"), (int,)),
    **dict.fromkeys(("images_per_second", "epoch_seconds"), (int, float, type(None))),
}
"""What stands in a file of progress, and of which type each may be."""


@dataclass(frozen=True)
class TrainingProgress:
    """A run that is worked on, or was when its process ended.

    ``images_per_second`` is of the last epoch and ``epoch_seconds`` the median; both are None before the first is done.
    ``age`` is how many seconds ago an epoch was last done.
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

    @property
    def training_seconds(self) -> float | None:
        """What the whole training takes, where that can be told yet."""
        return self.epochs * self.epoch_seconds if self.epoch_seconds else None

    @property
    def seconds_left(self) -> float | None:
        """What the training still takes, where that can be told."""
        if self.stage != "training":
            return 0.0 if self.stage == "evaluating" else None
        return max(0.0, (self.epochs - self.epoch) * self.epoch_seconds - self.age) if self.epoch_seconds else None


def write_progress(store: Store, run: Run, device: str, log: TrainingLog | None = None) -> None:
    """Say how far a training is, by its ``log`` of epochs; without one, that it begins or goes on.

    ``device`` is that of the process, such as ``cuda:0``. Raises BadInput where nothing can be written.
    """
    path = store.run_folder(run.id) / PROGRESS
    before = _read(path) or {"epoch": 0, "images_per_second": None, "epoch_seconds": None}
    done = {
        "epoch": log["epoch"][-1] if log else before["epoch"],
        "images_per_second": log["images_per_second"][-1] if log else before["images_per_second"],
        "epoch_seconds": median(log["seconds"]) if log else before["epoch_seconds"],
    }
    whose = {"method": run.method.id, "dataset": run.dataset, "profile": run.profile, "seed": run.seed}
    where = {"device": _device_name(device, run.computation.processes), "host": socket.gethostname()}
    write_json(path, {**whose, "epochs": run.recipe.epochs, **done, **where})


def trainings_in(store: Store) -> list[TrainingProgress]:
    """The runs that are worked on, and those whose training was interrupted, by id."""
    return list(_found(store))


def _found(store: Store) -> Iterator[TrainingProgress]:
    for path in sorted(store.folder.glob(f"runs/*/{PROGRESS}")):
        said, age = _read(path), _age(path)
        if said is None or age is None:
            continue
        trained, held = (path.parent / "run.json").exists(), _is_held(path.parent / ".lock")
        stage: Stage = "evaluating" if trained else "training"
        if not held:
            if trained:
                continue
            patience = PATIENCE * (said["epoch_seconds"] or 0) + SLACK
            if said["host"] == socket.gethostname() or age > patience:
                stage = "interrupted"
        yield TrainingProgress(run=path.parent.name, stage=stage, age=age, **said)


def _is_held(lock: Path) -> bool:
    """Whether a process holds a lock of ``Store.claim_run``."""
    try:
        # Read only, so that the file does not look changed to those who take a change for a sign of life.
        descriptor = os.open(lock, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _read(path: Path) -> dict[str, Any] | None:
    """What stands in a file of progress; None where there is none or it is damaged, since nothing depends on it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or not PROGRESS_FIELDS.keys() <= content.keys():
        return None
    said = {name: content[name] for name in PROGRESS_FIELDS}
    return said if all(isinstance(said[name], types) for name, types in PROGRESS_FIELDS.items()) else None


def _age(path: Path) -> float | None:
    try:
        return max(0.0, time.time() - path.stat().st_mtime)
    except FileNotFoundError:
        return None


def _device_name(device: str, processes: int) -> str:
    name = device_name(hardware_facts(device))
    return f"{processes} x {name}" if processes > 1 else name
