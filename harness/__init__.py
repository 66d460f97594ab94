"""A harness that reproduces the tables of person re-identification papers."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

__version__ = "0.1.0"


def load(
    trained: str | Path,
    results: str | Path = "results",
    profile: str | None = None,
    seed: int | None = None,
    device: str | None = None,
) -> Any:
    """The network of an exported folder or of a recorded cell, as a ``harness.runs.exporting.embedder.Embedder``.

    ``load(...).embed(images)`` gives features (N, D) of PIL images, paths or tensors. Torch is imported here, not with
    ``harness``. For arguments and errors see ``harness.runs.exporting.loading.load``.
    """
    # By name: the ground floor must not import from a room above it.
    return import_module("harness.runs.exporting.loading").load(trained, results, profile, seed, device)
