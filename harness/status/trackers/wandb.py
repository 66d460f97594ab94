"""Weights & Biases, offline: ``wandb sync results/wandb/offline-run-*`` hands the runs over, where that is wanted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # Read on import. A run needs no network.

import wandb

PROJECT = "reid-tables"


class OfflineRun:
    """One run of the project ``reid-tables``. A resumed training writes a further part of the same run."""

    def __init__(self, folder: Path, label: str) -> None:
        self.run = wandb.init(
            project=PROJECT,
            name=label,
            id=hashlib.sha256(label.encode()).hexdigest()[:16],
            mode="offline",
            dir=folder.parent,  # wandb adds its own folder, wandb/.
            reinit="create_new",
            settings=wandb.Settings(silent=True, console="off", disable_git=True, save_code=False),
        )

    def add(self, step: int, scalars: Mapping[str, float]) -> None:
        """Add figures by name at an epoch."""
        self.run.log(dict(scalars), step=step, commit=True)

    def close(self) -> None:
        """End this part of the run."""
        self.run.finish()
