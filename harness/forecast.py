"""``--dry-run``: what would be done, and what it is expected to cost."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import Any

from harness.plan import Plan, Run
from harness.store import Store
from harness.training.sampler import iterations_per_epoch


class Forecast:
    """The plan in words and as JSON; times come from runs of the same size recorded in the store."""

    def __init__(self, plan: Plan, store: Store, images: dict[str, tuple[int, int]]) -> None:
        """``images`` is the size of the training set by dataset, where it is known, and how many of it are infrared."""
        self.plan, self.store, self.images = plan, store, images
        self.speeds: dict[tuple[Any, ...], list[float]] = {}
        for path in sorted(store.folder.glob("runs/*/run.json")):
            manifest = store.run_manifest(path.parent.name)
            if manifest is not None:
                key = _size(manifest["configuration"])
                self.speeds.setdefault(key, []).extend(manifest["log"]["images_per_second"])

    def state(self, run: Run) -> str:
        """``blocked``, ``cached``, ``started`` or ``fresh``."""
        if run.blocked:
            return "blocked"
        if self.store.run_manifest(run.id) is not None:
            return "cached"
        return "started" if (self.store.run_folder(run.id) / "checkpoint.pt").exists() else "fresh"

    def images_trained(self, run: Run) -> int | None:
        """Images that pass through the network in the whole training, where the dataset's size is known."""
        if run.dataset not in self.images:
            return None
        translation, sampler = run.recipe.augmentation.translation, run.recipe.sampler
        images, infrared = (
            count * (1 + (translation.copies if translation else 0)) for count in self.images[run.dataset]
        )
        return run.recipe.epochs * iterations_per_epoch(images, sampler, infrared) * sampler.batch_size

    def seconds(self, run: Run) -> float | None:
        """Expected training time, where a run of the same method, trunk and size is recorded; 0 where it is done."""
        if self.state(run) == "cached":
            return 0.0
        images, speeds = self.images_trained(run), self.speeds.get(_size(run.configuration))
        return images / median(speeds) if images and speeds else None

    def as_json(self) -> dict[str, Any]:
        """``{"cells": [...], "runs": [...]}``."""
        cells = [
            {
                "id": planned.cell.id,
                "table": planned.cell.table,
                "row": planned.cell.row,
                "dataset": planned.cell.dataset,
                "profile": planned.cell.profile,
                "seed": planned.cell.seed,
                "state": planned.state,
                "reason": planned.reason,
                "run": planned.run.id if planned.run else None,
            }
            for planned in self.plan.cells
        ]
        return {"cells": cells, "runs": [self._run_json(run) for run in self.plan.runs.values()]}

    def _run_json(self, run: Run) -> dict[str, Any]:
        return {
            "id": run.id,
            "method": run.method.id,
            "dataset": run.dataset,
            "profile": run.profile,
            "seed": run.seed,
            "switches": run.configuration["switches"],
            "state": self.state(run),
            "starts_from": run.parent.id if run.parent else None,
            "cells": [planned.cell.id for planned in self.plan.cells_of(run)],
            "images": self.images_trained(run),
            "expected_seconds": self.seconds(run),
        }

    def as_text(self) -> str:
        """A line a run, the cells it serves, and the sums."""
        lines = []
        for run in self.plan.runs.values():
            seconds = self.seconds(run)
            cost = "time unknown: no run of this size is recorded" if seconds is None else f"about {_duration(seconds)}"
            served = self.plan.cells_of(run)
            lines.append(
                f"run {run.id}  {self.state(run):<8} {run.method.id} on {run.dataset}, {run.profile}, seed {run.seed}: "
                f"{len(served)} cells; {cost}"
            )
            lines += [
                f"    {planned.state:<8} {planned.cell.id}{_because(planned.state, planned.reason)}"
                for planned in served
            ]
        unplanned = [planned for planned in self.plan.cells if planned.run is None and planned.state == "blocked"]
        lines += [f"    blocked  {planned.cell.id}: {planned.reason}" for planned in unplanned]
        return "\n".join([*lines, self.summary()])

    def summary(self) -> str:
        """Cells by state, distinct runs, expected time."""
        states = Counter(planned.state for planned in self.plan.cells)
        todo = [run for run in self.plan.runs.values() if self.state(run) in ("fresh", "started")]
        known = [seconds for run in todo if (seconds := self.seconds(run)) is not None]
        time = f"about {_duration(sum(known))} for {len(known)} of them" if known else "no time known yet"
        cells = ", ".join(f"{count} {state}" for state, count in states.items()) or "no cells"
        return (
            f"{len(self.plan.cells)} cells ({cells}); {len(self.plan.runs)} distinct runs, {len(todo)} to train: {time}"
        )


def _because(state: str, reason: str) -> str:
    return f": {reason}" if state in ("stale", "blocked", "failed") else ""


def _size(configuration: dict[str, Any]) -> tuple[Any, ...]:
    recipe = configuration["recipe"]
    return configuration["method"], recipe["backbone"], recipe["height"], recipe["width"], configuration["precision"]


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    return f"{seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
