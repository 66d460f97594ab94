"""Checkpoints that survive a kill at any moment, and from which a resumed run is exact."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from harness.store import write_atomically


def save(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, progress: Mapping[str, Any]) -> None:
    """Write the state of a training, atomically; the one before is kept as ``<name>.previous``.

    What a method learns between epochs is in its buffers. Random streams of every process are derived from the seed,
    the epoch and the iteration, so they need no place here.
    """
    state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "progress": dict(progress)}
    if path.exists():
        path.replace(_previous(path))
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(path, lambda file: file.write(buffer.getbuffer()))


def load(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Any] | None:
    """Restore the newest whole checkpoint into ``model`` and ``optimiser``: its progress, or None."""
    for candidate in (path, _previous(path)):
        state = _read(candidate)
        if state is not None:
            model.load_state_dict(state["model"])
            optimiser.load_state_dict(state["optimiser"])
            return state["progress"]
    return None


def remove(path: Path) -> None:
    """Drop the checkpoints of a finished run."""
    path.unlink(missing_ok=True)
    _previous(path).unlink(missing_ok=True)


def _previous(path: Path) -> Path:
    return path.with_name(path.name + ".previous")


def _read(path: Path) -> dict[str, Any] | None:
    """The checkpoint, or None where it is absent or damaged."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        # torch.load raises a different type for each way a file can be damaged; any of them means: use the one before.
        return None
