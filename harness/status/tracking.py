"""Writes trainings to the trackers that a results folder has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import BadInput, Unwritable
from harness.files.atomic import unwritable_error
from harness.files.names import dataset_stem
from harness.results.record import DoneRecord
from harness.results.store import Store
from harness.status.trackers.writer import Tracker, TrackerName, Writer
from harness.training.log import TrainingLog

if TYPE_CHECKING:
    from harness.plan.plan import Run


def _event_files(folder: Path, label: str) -> Writer:
    from harness.status.trackers.tensorboard import EventFiles

    return EventFiles(folder, label)


def _mlflow_run(folder: Path, label: str) -> Writer:
    from harness.status.trackers.mlflow import MlflowRun

    return MlflowRun(folder, label)


def _offline_run(folder: Path, label: str) -> Writer:
    from harness.status.trackers.wandb import OfflineRun

    return OfflineRun(folder, label)


TRACKERS: dict[TrackerName, Tracker] = {
    "tensorboard": Tracker("TensorBoard", "tensorboard", _event_files),
    "mlflow": Tracker("MLflow", "mlflow", _mlflow_run),
    "wandb": Tracker("Weights & Biases", "wandb", _offline_run),
}
"""Each tracker by the name of its option, of its extra, and of its folder in the results folder."""


def ask_for_trackers(store: Store, names: Iterable[TrackerName]) -> None:
    """Turn on trackers for a results folder. Raises BadInput for one that is not installed."""
    for name in names:
        _require_installed(name)
        folder = store.folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable_error(folder, error) from error


class TrackedTraining:
    """One training, as the trackers that are turned on show it. They are opened at its first epoch."""

    def __init__(self, store: Store, run: Run) -> None:
        self.store, self.run = store, run
        self._writers: dict[TrackerName, Writer] = {}

    def write_epoch(self, log: TrainingLog) -> None:
        """Add the last epoch of a training's log: losses, rate, images/s. Raises Unwritable, naming the folder."""
        scalars = {"loss": log["loss"], "rate": log["rate"], "images_per_second": log["images_per_second"]}
        scalars |= {f"losses/{name}": values for name, values in log["losses"].items()}
        last = {tag: values[-1] for tag, values in scalars.items()}
        for name in _turned_on(self.store):
            with _named_errors(self.store, name, self.run):
                if name not in self._writers:
                    self._writers[name] = _opened(self.store, name, self.run)
                self._writers[name].add(log["epoch"][-1], last)

    def close(self) -> None:
        """Close what was opened."""
        for name, writer in self._writers.items():
            with _named_errors(self.store, name, self.run):
                writer.close()


def write_metrics(store: Store, run: Run, record: DoneRecord) -> None:
    """Add the metrics of a record at the run's last epoch, to the trackers that are turned on."""
    metrics = {f"{record['cell']}/{name}": value for name, value in record["metrics"].items()}
    for name in _turned_on(store):
        with _named_errors(store, name, run):
            _write(_opened(store, name, run), run.recipe.epochs, metrics)


def _write(writer: Writer, step: int, scalars: Mapping[str, float]) -> None:
    try:
        writer.add(step, scalars)
    finally:
        writer.close()


def _turned_on(store: Store) -> list[TrackerName]:
    return [name for name in TRACKERS if (store.folder / name).is_dir()]


def _opened(store: Store, name: TrackerName, run: Run) -> Writer:
    _require_installed(name)
    return TRACKERS[name].open(store.folder / name, _label(run))


def _label(run: Run) -> str:
    return f"{run.method.id}-{dataset_stem(run.dataset)}-{run.profile}-seed{run.seed}-{run.id}"


@contextmanager
def _named_errors(store: Store, name: TrackerName, run: Run) -> Iterator[None]:
    """Turn an error of a tracker into Unwritable, naming the folder."""
    folder = store.folder / name
    try:
        yield
    except BadInput:
        raise
    except OSError as error:
        raise unwritable_error(folder / _label(run), error) from error
    except Exception as error:  # Each package has errors of its own.
        cause = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise Unwritable(
            f"{folder}: {TRACKERS[name].title} cannot write there ({cause}); move the folder away to go on without it"
        ) from error


def _require_installed(name: TrackerName) -> None:
    tracker = TRACKERS[name]
    try:
        found = find_spec(tracker.module) is not None
    except (ImportError, ValueError):
        found = False
    if not found:
        raise BadInput(f"--tracker {name} needs {tracker.title}, which is not installed: pip install -e '.[{name}]'")
