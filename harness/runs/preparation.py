"""From a planned run to the network and the data it trains on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from harness.datasets.images import decoded
from harness.errors import BadInput
from harness.files.hashing import file_digest
from harness.models.initialisation import load_model, load_trunk, require_fit
from harness.models.reid import ReIDModel
from harness.models.weights import file_weights, imagenet_weights, luperson_weights, with_ibn_norms
from harness.plan.plan import Run
from harness.plan.shelf import Shelf
from harness.results.record import Origin, Start
from harness.results.store import Store
from harness.training.batches import TrainingData
from harness.training.final_weights import read_weights
from harness.training.seeds import derived_seed


def build_model(run: Run, num_classes: int) -> ReIDModel:
    """The run's network with fresh weights, the same for the same seed."""
    torch.manual_seed(derived_seed(run.seed, "weights"))
    return run.method.build(run.switches, num_classes, run.recipe.backbone)


def initialise(model: ReIDModel, run: Run, store: Store) -> Start:
    """Load the weights that the recipe asks for into the trunk, or into the whole model.

    A run starts from scratch where published weights cannot be had; the result says why. Raises BadInput for weights
    that do not fit.
    """
    kind = run.recipe.initialisation.kind
    if kind == "run":
        return _start_from_run(model, run, store)
    if kind == "imagenet":
        weights, found = imagenet_weights(run.recipe.backbone)
        split_norms = 0
    elif kind == "file":
        assert run.weights_file is not None
        weights, found, split_norms = _planned_weights(run, run.weights_file), run.weights_file.name, 0
    elif kind == "luperson":
        weights, found, split_norms = luperson_weights(run.recipe.backbone)
    else:
        return _from_scratch(run, reason=None)
    if weights is None:
        return _from_scratch(run, reason=found)
    loaded = load_trunk(model, weights, found)
    start = _from_scratch(run, reason=None)
    start |= {
        "kind": kind,
        "origin": {"kind": kind, "wanted": kind, "reason": None},
        "file": found,
        "split_norms": split_norms,
        "matched": loaded["matched"],
        "missing": loaded["missing"],
        "unexpected": loaded["unexpected"],
    }
    if kind == "file":
        start["sha256"] = run.configuration["initial_weights"]["content"].removeprefix("sha256 ")
    return start


def require_fitting_weights(run: Run) -> None:
    """Raise BadInput if a file of weights that the user named does not fit the run's trunk. Nothing is trained."""
    if run.weights_file is None:
        return
    with torch.device("meta"):
        model = run.method.build(run.switches, 2, run.recipe.backbone)
    require_fit(model, file_weights(run.weights_file), str(run.weights_file))


def _planned_weights(run: Run, file: Path) -> dict[str, Tensor]:
    """The weights of the file that the run is named by. Raises BadInput if the file changed since."""
    if run.configuration["initial_weights"]["content"] != f"sha256 {file_digest(file)}":
        raise BadInput(f"{file} changed since run {run.id} was planned; start the command again")
    return file_weights(file)


def _start_from_run(model: ReIDModel, run: Run, store: Store) -> Start:
    parent, part = run.parent, run.recipe.initialisation.part
    assert parent is not None
    manifest = store.run_manifest(parent.id)
    assert manifest is not None
    weights = read_weights(store.trained_weights(manifest))
    source, split_norms = f"{parent.method.id}, run {parent.id}", 0
    if part == "model":
        loaded = load_model(model, weights, source)
    else:
        trunk = {name.removeprefix("trunk."): value for name, value in weights.items() if name.startswith("trunk.")}
        if any(".IN." in name for name in model.trunk.state_dict()):
            trunk, split_norms = with_ibn_norms(trunk)
        loaded = load_trunk(model, trunk, f"trunk of {source}")
    return {
        "kind": "run",
        "wanted": "run",
        "reason": None,
        "origin": manifest["initialisation"]["origin"],
        "run": parent.id,
        "method": parent.method.id,
        "part": part,
        "file": None,
        "split_norms": split_norms,
        "matched": loaded["matched"],
        "missing": loaded["missing"],
        "unexpected": loaded["unexpected"],
    }


def _from_scratch(run: Run, reason: str | None) -> Start:
    wanted = run.recipe.initialisation.kind
    origin: Origin = {"kind": "scratch", "wanted": wanted, "reason": reason}
    return {
        "kind": "scratch",
        "wanted": wanted,
        "reason": reason,
        "origin": origin,
        "run": None,
        "method": None,
        "part": None,
        "file": None,
        "split_norms": 0,
        "matched": 0,
        "missing": [],
        "unexpected": [],
    }


def training_data(run: Run, shelf: Shelf) -> TrainingData:
    """The decoded training split, identities numbered 0..C-1 in ascending order, and the priors the method reads."""
    dataset = shelf.dataset(run.dataset, run.seed)
    images = decoded(dataset, "train", run.recipe.height, run.recipe.width)
    labels = np.unique(dataset.train.identities, return_inverse=True)[1].astype(np.int64)
    kinds = run.method.priors(run.switches).training
    priors = shelf.priors(run.dataset, run.seed, "train", kinds).arrays if kinds else {}
    return TrainingData(images, labels, dataset.train.cameras, priors)
