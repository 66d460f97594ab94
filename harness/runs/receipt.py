"""What stands behind a figure, so that it can be judged and had again."""

from __future__ import annotations

import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import harness
from harness.cell import cell_command
from harness.datasets import dataset as dataset_spec
from harness.datasets.base import Passport
from harness.files.hashing import canonical_hash
from harness.machine.computation import Computation
from harness.machine.hardware import package_versions
from harness.plan.plan import PlannedCell, Run
from harness.plan.shelf import Shelf
from harness.results.record import Record

PriorsRead = dict[str, dict[str, str]]
"""Split -> the ``kinds`` of prior that were read of it, their ``provider`` and ``fingerprint``; others are left out."""


def git_state() -> dict[str, Any]:
    """Revision of the harness and whether its files differ from it; both None outside a git checkout."""
    root = Path(harness.__file__).parents[1]

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=30)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    changes = git("status", "--porcelain", "--untracked-files=no")
    return {"revision": git("rev-parse", "HEAD"), "dirty": None if changes is None else bool(changes)}


def command(planned: PlannedCell) -> str:
    """The command that repeats a cell, computed as its run is."""
    assert planned.run is not None
    cell, how = planned.cell, _options(planned.run.computation)
    return cell_command(cell.table, cell.row, cell.dataset, cell.profile, "--seed", str(cell.seed), *how)


def _options(computation: Computation) -> list[str]:
    """How a run is computed, as options. Precision is always said: each machine has a default of its own."""
    options = ["--precision", "bfloat16" if computation.bfloat16 else "float32"]
    if computation.compiled:
        options.append("--compile")
    if computation.processes > 1:
        options += ["--gpus-per-run", str(computation.processes)]
    if computation.sync_batch_norm:
        options.append("--sync-bn")
    return options


def effective_batch(run: Run) -> dict[str, Any]:
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


def priors_read(planned: PlannedCell, run: Run, manifest: Record, shelf: Shelf) -> PriorsRead:
    """The priors of each split that a cell's run (``train``) and its test feature (``query``, ``gallery``) read."""
    read: PriorsRead = {"train": manifest["priors"]} if manifest["priors"] else {}
    for split in ("query", "gallery") if planned.priors else ():
        priors = shelf.priors(planned.cell.dataset, run.seed, split, planned.priors)
        kinds = ", ".join(planned.priors)
        read[split] = {"kinds": kinds, "provider": priors.provider, "fingerprint": priors.fingerprint}
    return read


def receipt(
    planned: PlannedCell,
    run: Run,
    manifest: Record,
    evaluation: Record,
    passport: Passport,
    priors: PriorsRead,
    git: dict[str, Any],
) -> dict[str, Any]:
    """The receipt of an evaluated cell, from what its run and its evaluation wrote about themselves."""
    spec = dataset_spec(planned.cell.dataset)
    return {
        "switches": asdict(planned.switches),
        "recipe": asdict(run.recipe),
        "initialisation": manifest["initialisation"],
        "effective_batch": effective_batch(run),
        "passport": {**asdict(passport), "counts": dict(passport.counts)},
        "protocol": {
            "id": spec.protocol,
            "metric": "cosine",
            "flip_test": run.recipe.flip_test,
            "ap": "step form",
            "reranked": planned.reranked,
        },
        "embedding": planned.embedding,
        "priors": priors,
        "git": git,
        "packages": package_versions(),
        "hardware": manifest["hardware"],
        "code": canonical_hash([run.configuration["code"], planned.evaluation["code"]]),
        "precision": f"{run.computation.described}; features kept and scored in float16",
        "wall_seconds": round(manifest["seconds"] + evaluation["seconds"], 2),
        "started": manifest["started"],
        "weights_sha256": manifest["weights_sha256"],
        "evaluation_sha256": evaluation["sha256"],
        "command": command(planned),
    }
