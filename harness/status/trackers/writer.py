"""The interface that every tracker fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

TrackerName = Literal["tensorboard", "mlflow", "wandb"]


class Writer(Protocol):
    """The figures of one run, as a tracker keeps them. Epochs that a killed process wrote are not shown twice."""

    def add(self, step: int, scalars: Mapping[str, float]) -> None:
        """Add figures by name at an epoch. They are on disk when this returns, or a moment later."""

    def close(self) -> None:
        """End the run, or this part of it."""


@dataclass(frozen=True)
class Tracker:
    """A tracker: its ``title``, the ``module`` that must be installed, and how the figures of a run are opened.

    ``open(folder, label)`` takes the tracker's folder and a name that no other run has. A run that is there already is
    continued.
    """

    title: str
    module: str
    open: Callable[[Path, str], Writer]
