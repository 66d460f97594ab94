"""The variants of a method that its contract is checked on, and small batches of noise for them."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_type_hints

import numpy as np
import torch
from torch import Tensor

from harness.method import Method
from harness.models.reid import Batch, ReIDModel
from harness.tables import tables

DEVICE = torch.device(os.environ.get("HARNESS_TEST_DEVICE", "cpu"))
"""Where the contract is checked. ``benchmarks/gpu.py`` names a GPU."""
IDENTITIES, IMAGES = 4, 2
DATASET = "synthetic"


def variants(method: Method) -> dict[str, Any]:
    """Switches by where they stand: the full method, and the rows of all tables that run it. No two are equal."""
    rows = (row for table in tables().values() if table.built for row in table.rows)
    of_rows = {
        f"row {row.key!r}": method.parse(dict(row.switches), row.key)
        for row in rows
        if row.runs and row.method == method.id
    }
    found = {"the full method": method.switches(), **of_rows}
    # The first label of equal switches stays.
    distinct = {str(switches): label for label, switches in reversed(found.items())}
    return {label: switches for label, switches in found.items() if distinct[str(switches)] == label}


def alternatives(method: Method, switches: Any, name: str) -> Iterator[Any]:
    """The switches with ``name`` at each other value of its type, where the method allows that."""
    hint, value = get_type_hints(method.switches)[name], getattr(switches, name)
    others = [not value] if hint is bool else [value * 2] if hint in (int, float) else get_args(hint)
    for other in others:
        with contextlib.suppress(ValueError, TypeError):
            if other != value:
                yield dataclasses.replace(switches, **{name: other})


def noise_batch(method: Method, switches: Any, seed: int = 0) -> tuple[Batch, dict[str, Tensor]]:
    """Noise images, with a person in the middle as prior.

    Returns:
        The batch, of as many visible as infrared images of an identity where a method reads both; and its priors of
        every kind.
    """
    recipe = method.recipe(switches, DATASET, "demo")
    generator = np.random.default_rng(seed)
    images_each = 2 * recipe.sampler.infrared_images_per_identity or IMAGES
    count = IDENTITIES * images_each
    labels = torch.arange(IDENTITIES).repeat_interleave(images_each)
    images = torch.from_numpy(generator.standard_normal((count, 3, recipe.height, recipe.width)).astype(np.float32))
    parsing = torch.zeros(count, 64, 32, dtype=torch.int64)
    parsing[:, 6:14, 12:20], parsing[:, 14:36, 8:24] = 1, 2
    parsing[:, 36:60, 9:16], parsing[:, 36:60, 16:23] = 3, 4
    priors = {"parsing": parsing, "segmentation": parsing > 0, "keypoints": torch.rand(count, 17, 3)}
    priors["infrared"] = torch.arange(count) % 2 == 1
    priors = {kind: prior.to(DEVICE) for kind, prior in priors.items()}
    needed = {kind: priors[kind] for kind in method.priors(switches).training}
    ones, indices = torch.ones(count).to(DEVICE), torch.arange(count).to(DEVICE)
    batch = Batch(images.to(DEVICE), labels.to(DEVICE), ones, indices, needed)
    if "infrared" in needed:
        # As the training input does: no step waits to learn it from the device.
        batch.infrared_count = int(priors["infrared"].sum())
    return batch, priors


def inference_priors(method: Method, switches: Any, priors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The priors that the method reads at inference."""
    return {kind: priors[kind] for kind in method.priors(switches).inference}


def built(method: Method, switches: Any, seed: int = 0, device: torch.device = DEVICE) -> ReIDModel:
    """The network of the demo profile on ``device``, with weights drawn from ``seed``."""
    torch.manual_seed(seed)
    return method.build(switches, IDENTITIES, method.recipe(switches, DATASET, "demo").backbone).to(device)
