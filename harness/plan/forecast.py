"""The expected cost of a plan: the state of each run, its images and its training time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Literal, NamedTuple

from harness.datasets import dataset as dataset_spec
from harness.errors import BadInput
from harness.files.hashing import canonical_hash
from harness.machine.hardware import device_name
from harness.plan.operations import planned_operations
from harness.plan.plan import PENDING, Plan, Run, State
from harness.plan.scaling import Scaling, Training
from harness.plan.throughput import PUBLISHED, recorded_hardware
from harness.results.record import RunConfiguration
from harness.results.store import Store
from harness.training.sampler import iterations_per_epoch

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
"""Records that come with a checkout."""

RunState = Literal["blocked", "damaged", "cached", "started", "fresh"]


class TrainingSetSize(NamedTuple):
    """Images of a training set, and how many of them are infrared."""

    images: int
    infrared: int


class Forecast:
    """Expected training time of the runs of a plan.

    The time of a run comes from recorded trainings of the same network on the same hardware, in the results folder. If
    there is none, it comes from the network's multiply-adds and the recorded speed of other networks
    (``harness.plan.scaling``), in the results folder and in the checkout.
    """

    def __init__(self, plan: Plan, store: Store, found: Mapping[str, TrainingSetSize], hardware: str) -> None:
        """Read the speed of each network that was trained on this hardware.

        Args:
            plan: The cells and runs.
            store: The results folder.
            found: Sizes of the training sets that can be read, by dataset id. Others count as published.
            hardware: The device to compute on, as ``device_name`` names it.
        """
        self.plan, self.store = plan, store
        self.sizes: dict[str, TrainingSetSize | None] = {
            run.dataset: _published_size(run.dataset) for run in plan.runs.values()
        }
        """Size of each training set by dataset id; None where it is neither found nor published."""
        self.sizes.update(found)
        self.not_found = {run.dataset for run in plan.runs.values()} - found.keys()
        self._images_per_second: dict[str, list[float]] = {}
        for manifest in store.run_manifests():
            if device_name(manifest["hardware"]) == hardware:
                network = _network(manifest["configuration"])
                self._images_per_second.setdefault(network, []).extend(manifest["log"]["images_per_second"])

    def state(self, run: Run) -> RunState:
        """The state of a run: ``damaged`` has a ``run.json`` that cannot be used, ``started`` has a checkpoint."""
        if run.blocked:
            return "blocked"
        if self.damage(run):
            return "damaged"
        if self.store.run_manifest(run.id) is not None:
            return "cached"
        return "started" if (self.store.run_folder(run.id) / "checkpoint.pt").exists() else "fresh"

    def damage(self, run: Run) -> str | None:
        """Why the ``run.json`` of a run cannot be used; None where it can be used or does not exist."""
        try:
            self.store.run_manifest(run.id)
        except BadInput as error:
            return str(error)
        return None

    def images_trained(self, run: Run) -> int | None:
        """Images that pass through the network in the whole training; None if the dataset's size is unknown."""
        size = self.sizes[run.dataset]
        if size is None:
            return None
        translation, sampler = run.recipe.augmentation.translation, run.recipe.sampler
        images, infrared = (count * (1 + (translation.copies if translation else 0)) for count in size)
        return run.recipe.epochs * iterations_per_epoch(images, sampler, infrared) * sampler.batch_size

    def seconds(self, run: Run) -> float | None:
        """Expected training time: 0 for a run that is done or not needed, None if its size or any speed is unknown."""
        if self.state(run) == "cached" or run in self.needless:
            return 0.0
        images, speeds = self.images_trained(run), self._images_per_second.get(_network(run.configuration))
        if images and speeds:
            return images / median(speeds)
        return self.scalings[0].seconds(self.trainings[run.id]) if images and self.scalings else None

    @cached_property
    def needless(self) -> set[Run]:
        """Runs that no cell and no other run still needs: the cells that they serve are recorded."""
        return set(self.plan.runs.values()) - set(self._runs_behind((*PENDING, "blocked")))

    @property
    def to_train(self) -> list[Run]:
        """Runs that the command would train now."""
        return [run for run in self._runs_behind(PENDING) if self.state(run) in ("fresh", "started")]

    @cached_property
    def trainings(self) -> dict[str, Training]:
        """Trainings still to be done by run id, blocked ones too, where the dataset's size is known."""
        waiting = [run for run in self._runs_behind((*PENDING, "blocked")) if self.state(run) != "cached"]
        sizes = {run.id: images for run in waiting if (images := self.images_trained(run))}
        known = [run for run in waiting if run.id in sizes]
        macs = planned_operations(known)
        return {
            run.id: Training(run.id, run.parent.id if run.parent else None, run.method.id, sizes[run.id], macs[run.id])
            for run in known
        }

    @cached_property
    def scalings(self) -> list[Scaling]:
        """The trainings on each kind of recorded hardware, GPUs first; none if there is nothing to train."""
        if not self.trainings:
            return []
        records = [*Store(REFERENCE).records(), *self.store.records()]
        return [Scaling(list(self.trainings.values()), hardware) for hardware in recorded_hardware(records)]

    @cached_property
    def published(self) -> list[Scaling]:
        """The trainings at rates that others published for GPUs; none if a GPU is recorded or nothing is to train."""
        if not self.trainings or any(scaling.hardware.is_gpu for scaling in self.scalings):
            return []
        return [Scaling(list(self.trainings.values()), hardware) for hardware in PUBLISHED]

    @property
    def of_unknown_size(self) -> list[str]:
        """Datasets that are left out, because their size is neither found nor published."""
        return sorted(name for name, size in self.sizes.items() if size is None)

    @property
    def of_published_size(self) -> list[str]:
        """Datasets that cannot be read here, and count as published."""
        return sorted(name for name in self.not_found if self.sizes[name] is not None)

    def _runs_behind(self, states: Collection[State]) -> list[Run]:
        """Runs that cells in these states are read from, with the runs that they start from.

        A cached cell needs no run, even if its run was deleted.
        """
        needed = {
            run for planned in self.plan.cells if planned.state in states and planned.run for run in planned.run.lineage
        }
        return [run for run in self.plan.runs.values() if run in needed]


def _network(configuration: RunConfiguration) -> str:
    """Hash of the network and of how it is computed: all that the time per image depends on."""
    recipe = configuration["recipe"]
    size = [recipe[name] for name in ("backbone", "height", "width")]
    computed = [configuration[name] for name in ("precision", "processes", "sync_batch_norm", "compiled")]
    return canonical_hash([configuration["method"], configuration["switches"], size, computed])


def _published_size(dataset_id: str) -> TrainingSetSize | None:
    """Size of a training set as published; None where nothing is published."""
    spec = dataset_spec(dataset_id)
    images = spec.published.get("train_images")
    if images is None:
        return None
    # RegDB publishes the sum only: it has ten visible and ten infrared images per person.
    return TrainingSetSize(images, spec.published.get("train_infrared_images", images // 2 if spec.infrared else 0))
