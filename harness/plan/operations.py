"""Multiply-adds of the networks of a plan, counted before any is trained."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import torch

from harness.files.atomic import write_json
from harness.files.cache import cache_folder
from harness.files.hashing import canonical_hash
from harness.measure.operations import count_operations
from harness.plan.fingerprint import content
from harness.plan.plan import Run

NETWORK_CODE = ("methods.", "harness.models.")
"""Code that can change a network's multiply-adds."""


def planned_operations(runs: Iterable[Run]) -> dict[str, int]:
    """Multiply-adds of ``embed`` for one image, by run id.

    Counting takes a quarter of a second per network. So counts are kept in the cache folder, by method, switches,
    backbone, image size and the code of the network.
    """
    kept_file = cache_folder() / "multiply_adds.json"
    kept = _read(kept_file)
    keys = {run.id: _key(run) for run in runs}
    fresh = {keys[run.id]: run for run in runs if keys[run.id] not in kept}
    if fresh:
        kept |= {key: _count(run) for key, run in fresh.items()}
        write_json(kept_file, kept)
    return {run: kept[key] for run, key in keys.items()}


def _count(run: Run) -> int:
    with torch.device("meta"):
        model = run.method.build(run.switches, 2, run.recipe.backbone)
    kinds = run.method.priors(run.switches).inference
    return int(count_operations(model, run.recipe.height, run.recipe.width, kinds)["macs"])


def _key(run: Run) -> str:
    recipe, settings = run.recipe, run.configuration
    code = {name: digest for name, digest in settings["code"].items() if name.startswith(NETWORK_CODE)}
    size = [recipe.height, recipe.width]
    return canonical_hash([run.method.id, settings["switches"], recipe.backbone, *size, content(code)])


def _read(file: Path) -> dict[str, int]:
    """The counts kept before; none where the file is missing or damaged."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}
