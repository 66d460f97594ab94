"""A small network that was taken away: the toy with fresh weights, exported without ONNX."""

from pathlib import Path

import torch

from harness import registry
from harness.files.hashing import file_digest
from harness.results.exported import NetworkFacts
from harness.runs.exporting.embedder import Embedder
from harness.runs.exporting.folder import write_exported
from harness.runs.exporting.network import EmbeddingNetwork
from harness.training.final_weights import write_weights


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
