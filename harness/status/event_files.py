"""TensorBoard's event files, one folder per run: ``tensorboard --logdir results/tensorboard``.

They are written where the results folder holds a folder ``tensorboard``, which ``--tensorboard`` makes; so every
process and machine that works there knows. A resumed training adds a file to the same folder; its epochs replace the
same epochs of earlier files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import BadInput
from harness.files.atomic import unwritable_error
from harness.files.names import dataset_stem
from harness.results.record import DoneRecord
from harness.results.store import Store
from harness.training.log import TrainingLog

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

    from harness.plan.plan import Run

FOLDER = "tensorboard"


def ask_for_event_files(store: Store) -> None:
    """Turn on event files for a results folder. Raises BadInput where TensorBoard is not installed."""
    _require_tensorboard()
    folder = store.folder / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable_error(folder, error) from error


class TrainingEvents:
    """The event file of one training, opened at its first epoch where event files are turned on."""

    def __init__(self, store: Store, run: Run) -> None:
        self.store, self.run = store, run
        self._writer: SummaryWriter | None = None

    def write_epoch(self, log: TrainingLog) -> None:
        """Add the last epoch of a training's log: losses, rate, images/s. Raises Unwritable, naming the folder."""
        folder = _run_folder(self.store, self.run)
        if folder is None:
            return
        step = log["epoch"][-1]
        scalars = {"loss": log["loss"], "rate": log["rate"], "images_per_second": log["images_per_second"]}
        scalars |= {f"losses/{name}": values for name, values in log["losses"].items()}
        with _named_errors(folder):
            # A folder that was deleted meanwhile is made again.
            if self._writer is None or not folder.is_dir():
                # Steps from this one on are hidden where an earlier process wrote them: this one repeats them.
                self._writer = _open(folder, step if folder.is_dir() and any(folder.iterdir()) else None)
            _add(self._writer, step, {tag: values[-1] for tag, values in scalars.items()})

    def close(self) -> None:
        """Close the file, if one was opened."""
        if self._writer is not None and Path(self._writer.log_dir).is_dir():
            with _named_errors(Path(self._writer.log_dir)):
                self._writer.close()


def write_metrics(store: Store, run: Run, record: DoneRecord) -> None:
    """Add the metrics of a record at the run's last epoch, where event files are turned on."""
    folder = _run_folder(store, run)
    if folder is None:
        return
    metrics = {f"{record['cell']}/{name}": value for name, value in record["metrics"].items()}
    with _named_errors(folder), _open(folder, None) as writer:
        _add(writer, run.recipe.epochs, metrics)


def _run_folder(store: Store, run: Run) -> Path | None:
    """The folder for the event files of a run; None where they are not turned on."""
    folder = store.folder / FOLDER
    if not folder.is_dir():
        return None
    return folder / f"{run.method.id}-{dataset_stem(run.dataset)}-{run.profile}-seed{run.seed}-{run.id}"


def _open(folder: Path, purge_step: int | None) -> SummaryWriter:
    _require_tensorboard()
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=purge_step)


def _add(writer: SummaryWriter, step: int, scalars: Mapping[str, float]) -> None:
    for tag, value in scalars.items():
        writer.add_scalar(tag, value, step)
    writer.flush()


@contextmanager
def _named_errors(folder: Path) -> Iterator[None]:
    """Turn an OSError into Unwritable, naming the folder."""
    try:
        yield
    except OSError as error:
        raise unwritable_error(folder, error) from error


def _require_tensorboard() -> None:
    try:
        import tensorboard  # noqa: F401
    except ImportError as error:
        raise BadInput(
            "--tensorboard needs TensorBoard, which is not installed: pip install -e '.[tensorboard]'"
        ) from error
