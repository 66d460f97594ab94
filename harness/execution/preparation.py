"""From a planned run to the network and the data it trains on."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from harness.datasets.images import decoded
from harness.models.initialisation import load_model, load_trunk
from harness.models.reid import ReIDModel
from harness.models.weights import imagenet_weights, luperson_weights, said_of_split_norms, with_ibn_norms
from harness.plan import Run
from harness.shelf import Shelf
from harness.store import Store
from harness.training.batches import TrainingData
from harness.training.final_weights import read_weights
from harness.training.seeds import derived_seed


def build_model(run: Run, num_classes: int) -> ReIDModel:
    """The run's network with fresh weights, the same for the same seed."""
    torch.manual_seed(derived_seed(run.seed, "weights"))
    return run.method.build(run.switches, num_classes, run.recipe.backbone)


def initialise(model: ReIDModel, run: Run, store: Store) -> dict[str, Any]:
    """Load the trunk, or all of it, as the recipe says; what was loaded, from where, what matched, for the receipt."""
    kind = run.recipe.initialisation.kind
    if kind == "run":
        assert run.parent is not None
        manifest = store.run_manifest(run.parent.id)
        assert manifest is not None
        trained = read_weights(store.trained_weights(run.parent.id, manifest))
        if run.recipe.initialisation.part == "model":
            return load_model(model, trained, f"{run.parent.method.id}, run {run.parent.id}")
        trunk = {name.removeprefix("trunk."): value for name, value in trained.items() if name.startswith("trunk.")}
        source = f"trunk of {run.parent.method.id}, run {run.parent.id}"
        if any(".IN." in name for name in model.trunk.state_dict()):
            trunk, split = with_ibn_norms(trunk)
            source += said_of_split_norms(split)
        return load_trunk(model, trunk, source)
    if kind == "imagenet":
        weights, reason = imagenet_weights(run.recipe.backbone)
        if weights is not None:
            return load_trunk(model, weights, f"ImageNet weights of torchvision for {run.recipe.backbone}")
        return {"source": f"scratch: no ImageNet weights ({reason})"}
    if kind == "luperson":
        weights, source = luperson_weights(run.recipe.backbone)
        if weights is not None:
            return load_trunk(model, weights, source)
        return {"source": f"scratch: no LUPerson weights ({source})"}
    return {"source": "scratch, as the recipe says"}


def training_data(run: Run, shelf: Shelf) -> TrainingData:
    """The decoded training split, identities numbered 0..C-1 in ascending order, and the priors the method reads."""
    dataset = shelf.dataset(run.dataset, run.seed)
    images = decoded(dataset, "train", run.recipe.height, run.recipe.width)
    labels = np.unique(dataset.train.identities, return_inverse=True)[1].astype(np.int64)
    kinds = run.method.priors(run.switches).training
    priors = shelf.priors(run.dataset, run.seed, "train", kinds).arrays if kinds else {}
    return TrainingData(images, labels, dataset.train.cameras, priors)
