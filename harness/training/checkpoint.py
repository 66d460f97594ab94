"""Checkpoints that survive a kill at any moment and resume a run exactly."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from harness.files.atomic import write_atomically

NAME = "checkpoint.pt"
"""File of a checkpoint in the folder of its run."""


def save(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, progress: Mapping[str, Any]) -> None:
    """Write the state of a training, atomically. Keep the previous checkpoint as ``<name>.previous``.

    State that a method changes between epochs is in its buffers. Random streams derive from the seed, the epoch and the
    iteration, so a checkpoint does not hold them.

    Args:
        path: File of the checkpoint.
        model: The network.
        optimiser: Its optimiser.
        progress: How far the training has come.
    """
    state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "progress": dict(progress)}
    if path.exists():
        path.replace(_previous(path))
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(path, lambda file: file.write(buffer.getbuffer()))


def load(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Any] | None:
    """Restore the newest intact checkpoint into ``model`` and ``optimiser``. Returns its progress, or None."""
    for candidate in (path, _previous(path)):
        state = _read(candidate)
        if state is not None:
            model.load_state_dict(state["model"])
            optimiser.load_state_dict(state["optimiser"])
            return state["progress"]
    return None


def exists(path: Path) -> bool:
    """Whether there is a checkpoint, intact or not."""
    return path.exists() or _previous(path).exists()


def remove(path: Path) -> None:
    """Delete the checkpoints of a finished run."""
    path.unlink(missing_ok=True)
    _previous(path).unlink(missing_ok=True)


def _previous(path: Path) -> Path:
    return path.with_name(path.name + ".previous")


def _read(path: Path) -> dict[str, Any] | None:
    """The checkpoint, or None if it is absent or damaged."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        # torch.load raises different types for different damage. In each case the previous checkpoint is used.
        return None
