"""TensorBoard's event files, one per run: ``tensorboard --logdir results/tensorboard``.

They are written where the results folder holds a folder ``tensorboard``, which ``--tensorboard`` makes; so every
process and machine that works there knows. A resumed training appends to the same file.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from harness.errors import BadInput
from harness.files.atomic import unwritable_error
from harness.files.names import dataset_stem
from harness.results.record import DoneRecord
from harness.results.store import Store
from harness.training.log import TrainingLog

if TYPE_CHECKING:
    from harness.plan.plan import Run

FOLDER = "tensorboard"
FILE = "events.tfevents"


def ask_for_event_files(store: Store) -> None:
    """Turn on event files for a results folder. Raises BadInput where TensorBoard is not installed."""
    _require_tensorboard()
    folder = store.folder / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable_error(folder, error) from error


def write_epoch(store: Store, run: Run, log: TrainingLog) -> None:
    """Add the last epoch of a training's log (losses, rate, images/s), where event files are turned on."""
    scalars = {"loss": log["loss"], "rate": log["rate"], "images_per_second": log["images_per_second"]}
    scalars |= {f"losses/{name}": values for name, values in log["losses"].items()}
    _append(store, run, log["epoch"][-1], {tag: values[-1] for tag, values in scalars.items()})


def write_metrics(store: Store, run: Run, record: DoneRecord) -> None:
    """Add the metrics of a record at the run's last epoch, where event files are turned on."""
    metrics = {f"{record['cell']}/{name}": value for name, value in record["metrics"].items()}
    _append(store, run, run.recipe.epochs, metrics)


def _append(store: Store, run: Run, step: int, scalars: Mapping[str, float]) -> None:
    folder = store.folder / FOLDER
    if not folder.is_dir():
        return
    _require_tensorboard()
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
    event = Event(wall_time=time.time(), step=step, summary=Summary(value=values))
    path = folder / f"{run.method.id}-{dataset_stem(run.dataset)}-{run.profile}-seed{run.seed}-{run.id}" / FILE
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("ab") as file:
            writer = RecordWriter(file)
            if not file.tell():
                writer.write(Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
            writer.write(event.SerializeToString())
    except OSError as error:
        raise unwritable_error(path.parent, error) from error


def _require_tensorboard() -> None:
    try:
        import tensorboard  # noqa: F401
    except ImportError as error:
        raise BadInput(
            "--tensorboard needs TensorBoard, which is not installed: pip install -e '.[tensorboard]'"
        ) from error
