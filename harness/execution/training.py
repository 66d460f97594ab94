"""Train a planned run and keep what it leaves: weights, log, and what it says about itself."""

from __future__ import annotations

import datetime
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from typing import Any

from harness.errors import BadInput
from harness.event_files import TrainingEvents
from harness.execution.preparation import build_model, initialise, training_data
from harness.hardware import hardware_facts
from harness.measure.memory import forget_peak, peak_memory_mb
from harness.models.reid import ReIDModel
from harness.plan import Run
from harness.progress import Watch
from harness.shelf import Shelf
from harness.store import Record, Store, append_line, file_digest, write_json
from harness.training import checkpoint
from harness.training.final_weights import read_weights, write_weights
from harness.training.loop import train
from harness.training.machine import Machine
from harness.training.world import World
from harness.under_way import write_progress


@dataclass(frozen=True)
class Workplace:
    """What carrying out a plan needs: where data and results are, what is computed on and with whom, whom to tell."""

    shelf: Shelf
    store: Store
    machine: Machine
    watch: Watch
    world: World = field(default_factory=World)

    def claim(self, run: Run) -> AbstractContextManager[None]:
        """Hold a run against other harnesses on the same results folder, saying so where one has it."""
        return self.store.claim_run(run.id, lambda: self.watch.say(f"run {run.id} is worked on elsewhere; waiting"))


def trained(run: Run, place: Workplace) -> Record:
    """The manifest of a run, training it first unless that is done, here or by another harness on this folder."""
    manifest = place.store.run_manifest(run.id)
    if manifest is not None:
        # Whoever trained it may have been killed just before this, its last step.
        checkpoint.remove(place.store.run_folder(run.id) / "checkpoint.pt")
        return manifest
    with place.claim(run):
        manifest = place.store.run_manifest(run.id)
        if manifest is not None:
            return manifest
        place.world.told(Order(run.id))
        return train_together(run, place)


def load_model(run: Run, manifest: Record, place: Workplace) -> ReIDModel:
    """The trained network of a run, every weight matched by name."""
    model = build_model(run, manifest["num_classes"])
    model.load_state_dict(read_weights(place.store.trained_weights(run.id, manifest)), strict=True)
    return place.machine.place(model)


@dataclass(frozen=True)
class Order:
    """What the leading process tells the others to do with it: train a run, or extract the features of a test set."""

    run: str
    dataset: str | None = None
    priors: tuple[str, ...] = ()


def train_together(run: Run, place: Workplace) -> Record:
    """Train a run; every process of the workplace does. The leading one writes what it leaves, and returns that."""
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    folder = place.store.run_folder(run.id)
    forget_peak(place.machine.device)
    data = training_data(run, place.shelf)
    model = build_model(run, data.num_classes)
    initialisation = initialise(model, run, place.store)
    _require_planned_start(run, initialisation["source"])
    label = f"{run.method.id} on {run.dataset}, {run.profile}, seed {run.seed}, run {run.id}"
    if place.world.leads:
        place.watch.begin(f"training {label}: {run.recipe.epochs} epochs", run.recipe.epochs)
        # A start from scratch for want of weights is learnt while there is still time to fetch them.
        place.watch.say(f"run {run.id} starts from {initialisation['source']}")
        write_progress(place.store, run, str(place.machine.device))

    def epoch_done(epoch: int, log: dict[str, Any]) -> None:
        if not place.world.leads:
            return
        losses = ", ".join(f"{name} {values[-1]:.3f}" for name, values in log["losses"].items())
        line = f"  epoch {epoch}/{run.recipe.epochs}: {losses}; {log['images_per_second'][-1]:.0f} images/s"
        append_line(folder / "log.txt", line.strip())
        write_progress(place.store, run, str(place.machine.device), log)
        events.write_epoch(log)
        place.watch.advance(epoch, line)

    with closing(TrainingEvents(place.store, run)) as events:
        log = train(
            model,
            data,
            run.recipe,
            run.seed,
            place.machine,
            folder / "checkpoint.pt",
            epoch_done,
            place.world,
            run.computation.sync_batch_norm,
        )
    if not place.world.leads:
        return {}
    write_weights(place.store.weights_path(run.id), model)
    manifest = {
        "id": run.id,
        "configuration": run.configuration,
        "parent": run.parent.id if run.parent else None,
        "initialisation": initialisation,
        "priors": _priors_used(run, place),
        "num_classes": data.num_classes,
        "log": log,
        "seconds": sum(log["seconds"]),
        "peak_memory_mb": peak_memory_mb(place.machine.device),
        "started": started,
        "hardware": hardware_facts(str(place.machine.device)),
        "weights_sha256": file_digest(place.store.weights_path(run.id)),
    }
    write_json(folder / "run.json", manifest)
    checkpoint.remove(folder / "checkpoint.pt")
    return manifest


def _require_planned_start(run: Run, source: str) -> None:
    """Raise BadInput where weights could be had when the run was named and cannot now, or the other way round."""
    planned: str = run.configuration["initial_weights"]
    if planned.startswith("scratch") != source.startswith("scratch"):
        raise BadInput(
            f"run {run.id} was planned to start from {planned}, and now it would start from {source}; "
            "start the command again, so that it is planned anew"
        )


def _priors_used(run: Run, place: Workplace) -> dict[str, str]:
    kinds = run.method.priors(run.switches).training
    if not kinds:
        return {}
    used = place.shelf.priors(run.dataset, run.seed, "train", kinds)
    return {"kinds": ", ".join(kinds), "provider": used.provider, "fingerprint": used.fingerprint}
