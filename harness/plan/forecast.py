"""``--dry-run``: what would be done, and what it is expected to cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

from harness.datasets import dataset as dataset_spec
from harness.errors import BadInput
from harness.files.hashing import canonical_hash
from harness.machine.hardware import device_name
from harness.models.weights import luperson_file, luperson_weights
from harness.plan.plan import Plan, Run
from harness.plan.scaling import Scaling, Training, as_lines, duration
from harness.plan.throughput import Hardware, recorded_hardware
from harness.results.record import RunConfiguration
from harness.results.store import Store
from harness.training.sampler import iterations_per_epoch

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
"""Records that come with a checkout."""


class Forecast:
    """The plan in words and as JSON.

    The time of a run comes from runs of its network on the same hardware, recorded in the store; where there are none,
    from the multiply-adds of its network and the rates at which others were trained (``harness.scaling``), in the store
    and in the checkout.
    """

    def __init__(self, plan: Plan, store: Store, images: dict[str, tuple[int, int]], hardware: str) -> None:
        """``images`` is the size of the training sets that are here, and how many of it are infrared; ``hardware`` is
        what would be computed on, as ``device_name`` calls it."""
        self.plan, self.store = plan, store
        self.images: dict[str, tuple[int, int] | None] = {
            run.dataset: _published_size(run.dataset) for run in plan.runs.values()
        }
        self.images.update(images)
        self.datasets_away = {run.dataset for run in plan.runs.values()} - images.keys()
        self.speeds: dict[str, list[float]] = {}
        for manifest in store.run_manifests():
            if device_name(manifest["hardware"]) == hardware:
                key = _network(manifest["configuration"])
                self.speeds.setdefault(key, []).extend(manifest["log"]["images_per_second"])

    def state(self, run: Run) -> str:
        """``blocked``, ``cached``, ``started``, ``fresh``, or ``damaged`` where its ``run.json`` cannot be used."""
        if run.blocked:
            return "blocked"
        if self._damage(run):
            return "damaged"
        if self.store.run_manifest(run.id) is not None:
            return "cached"
        return "started" if (self.store.run_folder(run.id) / "checkpoint.pt").exists() else "fresh"

    def images_trained(self, run: Run) -> int | None:
        """Images that pass through the network in the whole training, where the dataset's size is known."""
        size = self.images[run.dataset]
        if size is None:
            return None
        translation, sampler = run.recipe.augmentation.translation, run.recipe.sampler
        images, infrared = (count * (1 + (translation.copies if translation else 0)) for count in size)
        return run.recipe.epochs * iterations_per_epoch(images, sampler, infrared) * sampler.batch_size

    def seconds(self, run: Run) -> float | None:
        """Expected training time: 0 where done or not needed, None where the size or any throughput is unknown."""
        if self.state(run) == "cached" or run in self.needless:
            return 0.0
        images, speeds = self.images_trained(run), self.speeds.get(_network(run.configuration))
        if images and speeds:
            return images / median(speeds)
        return self.scalings[0].seconds(self.trainings[run.id]) if images and self.scalings else None

    @cached_property
    def needless(self) -> set[Run]:
        """Runs whose cells all have their records, and that no other run to train starts from."""
        return set(self.plan.runs.values()) - set(self._needed(blocked=True))

    @cached_property
    def trainings(self) -> dict[str, Training]:
        """What is still to be trained, by run id, where the dataset's size is known; blocked runs count, too."""
        from harness.plan.operations import planned_operations

        waiting = [run for run in self._needed(blocked=True) if self.state(run) != "cached"]
        sizes = {run.id: images for run in waiting if (images := self.images_trained(run))}
        known = [run for run in waiting if run.id in sizes]
        macs = planned_operations(known)
        return {
            run.id: Training(run.id, run.parent.id if run.parent else None, run.method.id, sizes[run.id], macs[run.id])
            for run in known
        }

    @cached_property
    def scalings(self) -> list[Scaling]:
        """The trainings on each kind of hardware that is recorded, GPUs first."""
        return [Scaling(list(self.trainings.values()), hardware) for hardware in self._hardware()]

    def _needed(self, blocked: bool) -> list[Run]:
        """The runs that cells still to be run are read from, and blocked ones where asked, with those they start from.

        A cell that has its record needs none, also where its run was deleted.
        """
        states = ("fresh", "stale", "failed", *(("blocked",) if blocked else ()))
        needed = {
            run for planned in self.plan.cells if planned.state in states and planned.run for run in planned.run.lineage
        }
        return [run for run in self.plan.runs.values() if run in needed]

    def _hardware(self) -> Sequence[Hardware]:
        if not self.trainings:
            return []
        return recorded_hardware([*Store(REFERENCE).records(), *self.store.records()])

    def as_json(self) -> dict[str, Any]:
        """``{"cells": [...], "runs": [...], "scaling": {...}}``."""
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
        runs = [self._run_json(run) for run in self.plan.runs.values()]
        return {"cells": cells, "runs": runs, "scaling": self._scaling_json()}

    def _scaling_json(self) -> dict[str, Any]:
        return {
            "trainings": len(self.trainings),
            "images": sum(training.images for training in self.trainings.values()),
            "blocked": sum(self.state(run) == "blocked" for run in self.plan.runs.values()),
            "of_unknown_size": sorted(name for name, size in self.images.items() if size is None),
            "of_published_size": sorted(self._of_published_size()),
            "hardware": [scaling.as_json() for scaling in self.scalings],
        }

    def _of_published_size(self) -> set[str]:
        return {name for name in self.datasets_away if self.images[name] is not None}

    def _run_json(self, run: Run) -> dict[str, Any]:
        return {
            "id": run.id,
            "method": run.method.id,
            "dataset": run.dataset,
            "profile": run.profile,
            "seed": run.seed,
            "switches": run.configuration["switches"],
            "state": self.state(run),
            "reason": run.blocked or self._damage(run),
            "starts_from": run.parent.id if run.parent else None,
            "cells": [planned.cell.id for planned in self.plan.cells_of(run)],
            "images": self.images_trained(run),
            "expected_seconds": self.seconds(run),
        }

    def as_text(self) -> str:
        """A line a run, published weights that it lacks, the cells it serves, and the sums."""
        lines = []
        for run in self.plan.runs.values():
            seconds = self.seconds(run)
            cost = "time unknown" if seconds is None else f"about {duration(seconds)}"
            served = self.plan.cells_of(run)
            lines.append(
                f"run {run.id}  {self.state(run):<8} {run.method.id} on {run.dataset}, {run.profile}, seed {run.seed}: "
                f"{len(served)} cells; {cost}"
            )
            damage = self._damage(run)
            lines += [*_start(run), *([f"    {damage}"] if damage else [])]
            lines += [
                f"    {planned.state:<8} {planned.cell.id}{_because(planned.state, planned.reason)}"
                for planned in served
            ]
        unplanned = [planned for planned in self.plan.cells if planned.run is None and planned.state == "blocked"]
        lines += [f"    blocked  {planned.cell.id}: {planned.reason}" for planned in unplanned]
        return "\n".join([*lines, self.summary(), *self._scaling_lines()])

    def _damage(self, run: Run) -> str | None:
        """Why the ``run.json`` of a run cannot be used; None where it can, or where there is none."""
        try:
            self.store.run_manifest(run.id)
        except BadInput as error:
            return str(error)
        return None

    def _scaling_lines(self) -> list[str]:
        """What the whole plan takes, the blocked runs with it."""
        if not self.trainings:
            return []
        found = self._scaling_json()
        lines = [
            f"on paper: {found['trainings']} trainings ({found['blocked']} blocked until their data is there), "
            f"{found['images'] / 1e6:,.1f} M images through the networks"
        ]
        if found["of_published_size"]:
            lines.append(
                f"  training sets that are not here count as published: {', '.join(found['of_published_size'])}"
            )
        if found["of_unknown_size"]:
            lines.append(f"  left out, of unknown size until they are read: {', '.join(found['of_unknown_size'])}")
        if self.scalings:
            lines.append(
                "  runs whose network was not trained on this hardware, into this results folder, take the first of:"
            )
        return lines + as_lines(self.scalings)

    def summary(self) -> str:
        """Cells by state, distinct runs, expected time."""
        states = Counter(planned.state for planned in self.plan.cells)
        todo = [run for run in self._needed(blocked=False) if self.state(run) in ("fresh", "started")]
        known = [seconds for run in todo if (seconds := self.seconds(run)) is not None]
        time = f"about {duration(sum(known))} for {len(known)} of them" if known else "no time known yet"
        cells = ", ".join(f"{count} {state}" for state, count in states.items()) or "no cells"
        train = f"{len(todo)} to train: {time}" if todo else "none to train"
        return f"{len(self.plan.cells)} cells ({cells}); {len(self.plan.runs)} distinct runs, {train}"


def _start(run: Run) -> list[str]:
    """What is said of where a run starts: nothing but that LUPerson's weights are missing, which nobody can fetch."""
    if run.recipe.initialisation.kind != "luperson" or luperson_file(run.recipe.backbone) is not None:
        return []
    _, reason, _ = luperson_weights(run.recipe.backbone)
    return [f"    starts from scratch: no LUPerson weights ({reason})"]


def _because(state: str, reason: str) -> str:
    return f": {reason}" if state in ("stale", "blocked", "failed", "damaged") else ""


def _network(configuration: RunConfiguration) -> str:
    """What a configuration trains, and how it is computed: all that an image's time depends on."""
    recipe = configuration["recipe"]
    size = [recipe[name] for name in ("backbone", "height", "width")]
    computed = [configuration[name] for name in ("precision", "processes", "sync_batch_norm", "compiled")]
    return canonical_hash([configuration["method"], configuration["switches"], size, computed])


def _published_size(dataset_id: str) -> tuple[int, int] | None:
    """Training images as published, and how many of them are infrared; None where nothing is published."""
    spec = dataset_spec(dataset_id)
    images = spec.published.get("train_images")
    if images is None:
        return None
    # Where only the sum is published, it is of as many infrared images as visible ones (RegDB: ten of each a person).
    return images, spec.published.get("train_infrared_images", images // 2 if spec.infrared else 0)
