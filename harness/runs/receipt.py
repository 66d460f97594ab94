"""The receipt: everything needed to judge and reproduce a figure."""

from __future__ import annotations

from dataclasses import asdict, replace

from harness.cell import INITIAL_WEIGHTS, cell_command
from harness.machine.computation import Computation
from harness.machine.hardware import package_versions
from harness.machine.revision import git_state
from harness.plan.plan import PlannedCell, Run
from harness.results.record import ComputationOfRecord, EffectiveBatch, Receipt
from harness.runs.context import EvaluatedCell


def command(planned: PlannedCell) -> str:
    """The command that repeats a cell, computed as its run is."""
    return _command(planned, planned.needed_run.computation)


def _command(planned: PlannedCell, computation: Computation) -> str:
    cell, how = planned.cell, [*_own(planned), *_options(computation)]
    return cell_command(cell.table, cell.row, cell.dataset, cell.profile, "--seed", str(cell.seed), *how)


def _own(planned: PlannedCell) -> list[str]:
    """Settings of one's own, as options. A file of weights is named without its folder."""
    options = []
    for setting in planned.cell.settings:
        if setting.name != INITIAL_WEIGHTS:
            options += ["--set", f"{setting.name}={setting.value}"]
    files = [run.weights_file for run in planned.needed_run.lineage if run.weights_file]
    return [*options, *(["--initial-weights", files[0].name] if files else [])]


def _options(computation: Computation) -> list[str]:
    """How a run is computed, as options. Precision is always given: its default depends on the machine."""
    options = ["--precision", computation.precision]
    if computation.compiled:
        options.append("--compile")
    if computation.processes > 1:
        options += ["--gpus-per-run", str(computation.processes)]
    if computation.sync_batch_norm:
        options.append("--sync-bn")
    return options


def effective_batch(run: Run) -> EffectiveBatch:
    """How a batch is composed and shared among processes."""
    sampler, processes = run.recipe.sampler, run.computation.processes
    return {
        "gpus": processes,
        "per_gpu": sampler.batch_size // processes,
        "identities": sampler.identities if sampler.images_per_identity else None,
        "images_per_identity": sampler.images_per_identity,
        "infrared_images_per_identity": sampler.infrared_images_per_identity,
        "bn_scope": run.computation.bn_scope,
        "losses_over": "the whole batch" if processes == 1 else run.recipe.losses_over,
    }


def receipt(evaluated: EvaluatedCell) -> Receipt:
    """The receipt of an evaluated cell, from the files of its run and its evaluation."""
    planned, run, manifest = evaluated.planned, evaluated.run, evaluated.trained.manifest
    passport = evaluated.dataset.passport
    # As it was computed: in float32 where bfloat16 was planned and not trusted.
    computation = replace(run.computation, bfloat16=run.computation.bfloat16 and "distrust" not in manifest)
    return {
        "switches": asdict(planned.switches),
        "recipe": asdict(run.recipe),
        "initialisation": manifest["initialisation"],
        "effective_batch": effective_batch(run),
        "passport": {
            "dataset": passport.dataset,
            "variant": passport.variant,
            "official": passport.official,
            "fingerprint": passport.fingerprint,
            "counts": dict(passport.counts),
            "remarks": list(passport.remarks),
        },
        "protocol": {
            "id": planned.spec.protocol,
            "metric": "cosine",
            "flip_test": run.recipe.flip_test,
            "ap": "step form",
            "reranked": planned.reranked,
        },
        "embedding": planned.embedding,
        "priors": evaluated.priors,
        "git": git_state(),
        "packages": package_versions(),
        "hardware": manifest["hardware"],
        "code": planned.code_hash,
        "computation": _computation(evaluated, computation),
        "wall_seconds": round(manifest["seconds"] + evaluated.evaluation["seconds"], 2),
        "started": manifest["started"],
        "weights_sha256": manifest["weights_sha256"],
        "evaluation_sha256": evaluated.evaluation["sha256"],
        "command": _command(planned, computation),
    }


def _computation(evaluated: EvaluatedCell, computation: Computation) -> ComputationOfRecord:
    found: ComputationOfRecord = {
        "precision": computation.precision,
        "memory_format": "channels_last",
        "compiled": computation.compiled,
        "features": "float16",
    }
    distrust = evaluated.evaluation.get("distrust")
    return {**found, "distrust": distrust} if distrust else found
