"""MLflow's file store: ``MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri results/mlflow``.

A folder can be shared by workers on several machines; the database that MLflow recommends, SQLite, cannot.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

# Read on import. A run needs no network; and MLflow refuses its own file store unless it is told to take it.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")

from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

EXPERIMENT = "reid-tables"
REFUSED = re.compile(r"[^\w\-. :/]")
"""Characters that MLflow allows in no name of a metric."""


class MlflowRun:
    """One run of the experiment ``reid-tables``, found again by its name."""

    def __init__(self, folder: Path, label: str) -> None:
        self.client = MlflowClient(folder.resolve().as_uri())
        experiment = self._experiment()
        runs = self.client.search_runs([experiment], f"attributes.run_name = '{label}'")
        self.run = runs[0] if runs else self.client.create_run(experiment, run_name=label)
        self.id = self.run.info.run_id

    def add(self, step: int, scalars: Mapping[str, float]) -> None:
        """Add figures by name at an epoch, but those that an earlier process added at that epoch."""
        now = int(1000 * time.time())
        self.client.log_batch(
            self.id,
            [Metric(name, value, now, step) for name, value in self._new(step, scalars).items()],
        )

    def close(self) -> None:
        """Mark the run as ended."""
        self.client.set_terminated(self.id)

    def _experiment(self) -> str:
        found = self.client.get_experiment_by_name(EXPERIMENT)
        if found:
            return str(found.experiment_id)
        try:
            return str(self.client.create_experiment(EXPERIMENT))
        except MlflowException:  # Another worker made it meanwhile.
            (made,) = self.client.search_experiments(filter_string=f"name = '{EXPERIMENT}'")
            return str(made.experiment_id)

    def _new(self, step: int, scalars: Mapping[str, float]) -> dict[str, float]:
        named = {REFUSED.sub("_", name): value for name, value in scalars.items()}
        return {name: value for name, value in named.items() if self._last_step(name) < step}

    def _last_step(self, name: str) -> int:
        return max((each.step for each in self.client.get_metric_history(self.id, name)), default=-1)
