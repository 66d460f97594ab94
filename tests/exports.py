"""Networks that are taken away: the toy with fresh weights, exported without ONNX; and any method, untrained."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from harness import registry
from harness.files.hashing import file_digest
from harness.method import Method
from harness.models.reid import ReIDModel
from harness.results.exported import NetworkFacts
from harness.runs.exporting.embedder import Embedder
from harness.runs.exporting.folder import write_exported
from harness.runs.exporting.network import EmbeddingNetwork
from harness.training.final_weights import write_weights

IDENTITIES = 4


def export_toy(folder: Path, seed: int = 0, feature: str = "a") -> Path:
    """Export the toy, with weights drawn from a seed."""
    torch.manual_seed(seed)
    method = registry.method("toy")
    model = method.build(method.switches(), 4, "toy")
    weights = folder.with_suffix(".safetensors")
    write_weights(weights, model)
    facts: NetworkFacts = {
        "cell": "toy_table-Wide-market1501",
        "profile": "demo",
        "seed": seed,
        "run": "0" * 16,
        "method": "toy",
        "switches": {},
        "backbone": "toy",
        "identities": 4,
        "feature": feature,
        "flip_test": True,
        "reads_infrared": False,
        "height": 32,
        "width": 16,
        "weights": file_digest(weights),
    }
    embedder = Embedder(facts, EmbeddingNetwork(model, feature, True), "cpu")
    write_exported(folder, embedder, weights, None, lambda facts: "# A card")
    return folder


def untrained_embedder(method: Method, switches: Any) -> tuple[ReIDModel, Embedder]:
    """A method's network of its demo, untrained, with norms that have seen images, as a trained one has."""
    recipe = method.recipe(switches, "synthetic", "demo")
    torch.manual_seed(0)
    model = method.build(switches, IDENTITIES, recipe.backbone)
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    facts = {
        "cell": f"{method.id} of a test",
        "method": method.id,
        "switches": asdict(switches),
        "feature": method.embedding(switches),
        "flip_test": recipe.flip_test,
        "reads_infrared": bool(method.priors(switches).inference),
        "height": recipe.height,
        "width": recipe.width,
    }
    return model, Embedder(facts, EmbeddingNetwork(model, facts["feature"], facts["flip_test"]), "cpu")
