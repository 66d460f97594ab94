"""The precision that a run and its evaluations are computed in: bfloat16 only where it was tried and is trusted."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from harness.errors import BadInput
from harness.files.atomic import write_json
from harness.machine.computation import Distrust
from harness.models.reid import ReIDModel
from harness.plan.plan import Run
from harness.results.sentences import distrust_sentence
from harness.runs.context import RunContext, TrainedRun
from harness.runs.evaluation import TestImages
from harness.runs.features import BATCH, prepared, taken
from harness.training import checkpoint
from harness.training.batches import Input, TrainingData
from harness.training.machine import Machine
from harness.training.seeds import derived_seed
from harness.training.trial import try_embedding, try_training

REMEMBERED = "arithmetic.json"
"""File of a run: what its trial found. A run that goes on from a checkpoint keeps the precision it began with."""


@dataclass(frozen=True)
class Arithmetic:
    """The machine to compute on, and why it is not in bfloat16 where that was planned."""

    machine: Machine
    distrust: Distrust | None = None


def arithmetic_of_training(run: Run, model: ReIDModel, data: TrainingData, context: RunContext) -> Arithmetic:
    """Try the arithmetic on the run's first batch; every process calls it.

    Raises BadInput if bfloat16 is not to be trusted and was asked for.
    """
    machine = context.machine
    if not machine.bfloat16:
        return Arithmetic(machine)
    folder = context.store.run_folder(run.id)
    resumed = context.world.broadcast(checkpoint.exists(folder / checkpoint.NAME))
    if resumed:
        remembered = folder / REMEMBERED
        return _chosen(json.loads(remembered.read_text("utf-8")) if remembered.exists() else None, machine)
    source = Input(data, run.recipe, run.seed, machine.device, context.world)
    batch = next(source.batches(0, source.rows(0)))
    found = try_training(machine.place(model), batch, machine, derived_seed(run.seed, "trial"))
    distrust = _of_any_process(found, context)
    if context.world.is_leader:
        (folder / REMEMBERED).unlink(missing_ok=True)
        if distrust:
            write_json(folder / REMEMBERED, distrust)
    return _told(distrust, f"run {run.id}", context)


def arithmetic_of_evaluation(trained: TrainedRun, model: ReIDModel, images: TestImages) -> Arithmetic:
    """Try the arithmetic on the first query images; every process calls it. A run in float32 is evaluated in float32.

    Raises BadInput if bfloat16 is not to be trusted and was asked for.
    """
    context = trained.context
    distrust = trained.manifest.get("distrust")
    if distrust or not context.machine.bfloat16:
        return _chosen(distrust, context.machine)
    rows = slice(0, BATCH)
    priors = taken(images.priors.get("query", {}), rows)
    found = try_embedding(model, *prepared(images.query[rows], priors, context.machine), context.machine)
    return _told(_of_any_process(found, context), f"the evaluation of run {trained.run.id}", context)


def _of_any_process(found: Distrust | None, context: RunContext) -> Distrust | None:
    if context.world.any(found is not None, context.machine.device) and found is None:
        return {"sign": "seen by another process", "where": "", "difference": None, "bound": None}
    return found


def _told(distrust: Distrust | None, what: str, context: RunContext) -> Arithmetic:
    if distrust is None:
        return Arithmetic(context.machine)
    why = distrust_sentence(distrust)
    if context.precision_asked:
        raise BadInput(f"--precision bfloat16: {what}: {why}; leave the option out or use --precision float32")
    if context.world.is_leader:
        context.watch.say(f"{what} is computed in float32: {why}")
    return _chosen(distrust, context.machine)


def _chosen(distrust: Distrust | None, machine: Machine) -> Arithmetic:
    return Arithmetic(replace(machine, bfloat16=False) if distrust else machine, distrust)
