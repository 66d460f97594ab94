"""Whether ONNX Runtime gives the features that PyTorch gives, on real images of the run's data."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from harness.datasets.base import Dataset
from harness.results.exported import Agreement
from harness.runs.exporting.embedder import Embedder
from harness.runs.exporting.onnx_file import onnx_features

LEAST_COSINE = 0.9999
IMAGES_OF_A_SPLIT = 16
"""Images compared of the queries, and as many of the gallery; both have images of every modality."""


class Disagreement(Exception):
    """The exported network gives other features than the trained one. Its argument is the ``Agreement``."""

    def __init__(self, agreement: Agreement) -> None:
        super().__init__(agreement)
        self.agreement = agreement


def agreement(embedder: Embedder, onnx_file: Path, dataset: Dataset) -> Agreement:
    """Compare the features of images spread evenly over queries and gallery. The embedder is on the CPU.

    Raises Disagreement unless the cosine of every pair exceeds ``LEAST_COSINE``, and BadInput for a damaged image.
    """
    splits = (dataset.query, dataset.gallery)
    rows = [np.linspace(0, len(split) - 1, min(IMAGES_OF_A_SPLIT, len(split))).astype(int) for split in splits]
    names = [split.names[row] for split, chosen in zip(splits, rows, strict=True) for row in chosen]
    prepared = embedder.prepare([dataset.root / name for name in names])
    infrared = None
    if embedder.facts["reads_infrared"]:
        flags = [dataset.infrared(split)[chosen] for split, chosen in zip(splits, rows, strict=True)]
        infrared = torch.from_numpy(np.concatenate(flags))
    exported = onnx_features(onnx_file, prepared, infrared)
    with torch.inference_mode():
        trained = embedder.network(prepared, infrared).numpy()
    # In float64, so that the measure adds no difference of its own.
    ours, theirs = trained.astype(np.float64), exported.astype(np.float64)
    cosines = (ours * theirs).sum(1) / (np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1))
    found: Agreement = {
        "dataset": dataset.id,
        "images": len(names),
        "greatest_difference": float(np.abs(ours - theirs).max()),
        "least_cosine": float(cosines.min()),
        "packages": {package: version(package) for package in ("torch", "onnxruntime", "onnx")},
    }
    if not found["least_cosine"] > LEAST_COSINE:  # NaN exceeds nothing.
        raise Disagreement(found)
    return found
