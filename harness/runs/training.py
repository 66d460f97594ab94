"""Train a planned run and keep its weights, its log and its manifest."""

from __future__ import annotations

import datetime
from contextlib import closing

from harness.errors import BadInput, Collapsed
from harness.evaluation.degeneracy import Degeneracy
from harness.files.atomic import append_line, write_json
from harness.files.hashing import file_digest
from harness.machine.hardware import hardware_facts
from harness.measure.memory import peak_memory_mb, reset_peak_memory
from harness.models.reid import ReIDModel
from harness.plan.plan import Run
from harness.results.record import Manifest, PriorsOfSplit, Start
from harness.results.sentences import degeneracy_sentence, start_sentence
from harness.runs.arithmetic import Arithmetic, arithmetic_of_training
from harness.runs.collapse import collapsed_losses
from harness.runs.computing import computing
from harness.runs.context import Order, RunContext, TrainedRun
from harness.runs.preparation import build_model, initialise, training_data
from harness.status.tracking import TrackedTraining
from harness.status.trainings import write_progress
from harness.training import checkpoint
from harness.training.final_weights import read_weights, write_weights
from harness.training.log import TrainingLog
from harness.training.loop import train


def ensure_trained(run: Run, context: RunContext) -> TrainedRun:
    """The trained run. Trains it first, after the run it starts from, unless that is done."""
    return TrainedRun(run, _manifest_of_trained(run, context), context)


def _manifest_of_trained(run: Run, context: RunContext) -> Manifest:
    manifest = context.store.run_manifest(run.id)
    if manifest is not None:
        # A process killed just before its last step leaves its checkpoint.
        checkpoint.remove(context.store.run_folder(run.id) / checkpoint.NAME)
        return manifest
    if run.parent:
        _manifest_of_trained(run.parent, context)
    with context.claim(run):
        manifest = context.store.run_manifest(run.id)
        if manifest is not None:
            return manifest
        context.world.broadcast(Order(run.id))
        trained = train_together(run, context)
        assert trained is not None
        return trained


def load_model(trained: TrainedRun) -> ReIDModel:
    """The trained network of a run, every weight matched by name."""
    run, manifest, context = trained.run, trained.manifest, trained.context
    model = build_model(run, manifest["num_classes"])
    model.load_state_dict(read_weights(context.store.trained_weights(manifest)), strict=True)
    return context.machine.place(model)


def train_together(run: Run, context: RunContext) -> Manifest | None:
    """Train a run; every process calls it. The leader writes weights and manifest and returns the manifest."""
    with computing(run):
        return _trained(run, context)


def _trained(run: Run, context: RunContext) -> Manifest | None:
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    device = context.machine.device
    reset_peak_memory(device)
    data = training_data(run, context.shelf)
    model = build_model(run, data.num_classes)
    start = initialise(model, run, context.store)
    _require_planned_start(run, start)
    if context.world.is_leader:
        _announce(run, start, context)
    arithmetic = arithmetic_of_training(run, model, data, context)
    collapse = collapsed_losses(arithmetic.machine.place(model), data, run.recipe, run.seed, arithmetic.machine)
    with closing(TrackedTraining(context.store, run)) as tracked:
        log = train(
            model,
            data,
            run.recipe,
            run.seed,
            arithmetic.machine,
            context.store.run_folder(run.id) / checkpoint.NAME,
            lambda epoch, log: _write_epoch(run, epoch, log, collapse.degeneracy(log["losses"]), tracked, context),
            context.world,
            run.computation.sync_batch_norm,
        )
    if not context.world.is_leader:
        return None
    sign = collapse.degeneracy(log["losses"])
    return _keep(run, model, start, log, data.num_classes, started, arithmetic, sign, context)


def _announce(run: Run, start: Start, context: RunContext) -> None:
    context.watch.begin(f"training {run.label}, run {run.id}: {run.recipe.epochs} epochs", run.recipe.epochs)
    # The user reads of a start from scratch while there is still time to fetch the weights.
    context.watch.say(f"run {run.id} starts from {start_sentence(start)}")
    write_progress(context.store, run, str(context.machine.device))


def _write_epoch(
    run: Run, epoch: int, log: TrainingLog, sign: Degeneracy | None, tracked: TrackedTraining, context: RunContext
) -> None:
    """Tell of an epoch. Raises Collapsed for a sign of collapse if such a run is to end."""
    if context.world.is_leader:
        _tell_epoch(run, epoch, log, sign, tracked, context)
    # In every process: all hold the same means.
    if sign and context.stop_degenerate:
        raise Collapsed(f"{degeneracy_sentence(sign)}, in epoch {epoch}")


def _tell_epoch(
    run: Run, epoch: int, log: TrainingLog, sign: Degeneracy | None, tracked: TrackedTraining, context: RunContext
) -> None:
    losses = ", ".join(f"{name} {values[-1]:.3f}" for name, values in log["losses"].items())
    line = f"  epoch {epoch}/{run.recipe.epochs}: {losses}; {log['images_per_second'][-1]:.0f} images/s"
    line += f"; degenerate: {degeneracy_sentence(sign)}" if sign else ""
    append_line(context.store.run_folder(run.id) / "log.txt", line.strip())
    write_progress(context.store, run, str(context.machine.device), log, sign)
    tracked.write_epoch(log)
    context.watch.advance(epoch, line)


def _keep(
    run: Run,
    model: ReIDModel,
    start: Start,
    log: TrainingLog,
    num_classes: int,
    started: str,
    arithmetic: Arithmetic,
    sign: Degeneracy | None,
    context: RunContext,
) -> Manifest:
    """Write the weights, then the manifest: a run is done when its manifest is there."""
    folder, weights = context.store.run_folder(run.id), context.store.weights_path(run.id)
    write_weights(weights, model)
    manifest: Manifest = {
        "id": run.id,
        "configuration": run.configuration,
        "parent": run.parent.id if run.parent else None,
        "initialisation": start,
        "priors": _priors_used(run, context),
        "num_classes": num_classes,
        "log": log,
        "seconds": sum(log["seconds"]),
        "peak_memory_mb": peak_memory_mb(context.machine.device),
        "started": started,
        "hardware": hardware_facts(str(context.machine.device)),
        "weights_sha256": file_digest(weights),
    }
    if sign:
        manifest["degenerate"] = sign
    if arithmetic.distrust:
        manifest["distrust"] = arithmetic.distrust
    write_json(folder / "run.json", manifest)
    checkpoint.remove(folder / checkpoint.NAME)
    return manifest


def _require_planned_start(run: Run, start: Start) -> None:
    """Raise BadInput if published weights were there when the run was named and are not now, or the other way round."""
    planned = run.configuration["initial_weights"]["kind"]
    if planned != start["kind"]:
        raise BadInput(
            f"run {run.id} was planned to start from {planned}, and now it would start from {start_sentence(start)}; "
            "start the command again, so that it is planned anew"
        )


def _priors_used(run: Run, context: RunContext) -> PriorsOfSplit | None:
    kinds = run.method.priors(run.switches).training
    if not kinds:
        return None
    used = context.shelf.priors(run.dataset, run.seed, "train", kinds)
    return {"kinds": list(kinds), "provider": used.provider, "fingerprint": used.fingerprint}
