"""TensorBoard's event files, one folder per run: ``tensorboard --logdir results/tensorboard``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter


class EventFiles:
    """The event files of one run. The file is opened with the first figure.

    A resumed training adds a file to the same folder; its epochs replace the same epochs of earlier files. A folder
    that was deleted meanwhile is made again.
    """

    def __init__(self, folder: Path, label: str) -> None:
        self.folder = folder / label
        self._writer: SummaryWriter | None = None

    def add(self, step: int, scalars: Mapping[str, float]) -> None:
        """Add figures by name at an epoch."""
        if self._writer is None or not self.folder.is_dir():
            earlier = self.folder.is_dir() and any(self.folder.iterdir())
            # Steps from this one on are hidden where an earlier process wrote them: this one repeats them.
            self._writer = SummaryWriter(str(self.folder), purge_step=step if earlier else None)
        for tag, value in scalars.items():
            self._writer.add_scalar(tag, value, step)
        self._writer.flush()

    def close(self) -> None:
        """Close the file, if one was opened."""
        if self._writer is not None and self.folder.is_dir():
            self._writer.close()
