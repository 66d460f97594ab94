"""The embedding as an ONNX file, and its features in ONNX Runtime."""

from __future__ import annotations

import re
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.errors import BadInput
from harness.results.exported import FEATURES, IMAGES, INFRARED
from harness.runs.exporting.embedder import Embedder

PACKAGES = ("onnx", "onnxruntime", "onnxscript")
LOWEST_TORCH = (2, 6)
"""The first PyTorch whose exporter reads the graph of torch.export."""
WITHOUT = "--no-onnx exports the weights and the card alone"
OPERATOR = re.compile(r"OpOverload\(op='([\w.]+)'")


def require_exporter() -> None:
    """Raise BadInput, naming the fix, if this environment cannot write or run ONNX files."""
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        raise BadInput(f"ONNX needs {', '.join(missing)}: pip install 'reid-tables[onnx]'; or {WITHOUT}")
    if tuple(int(part) for part in torch.__version__.split(".")[:2]) < LOWEST_TORCH:
        lowest = ".".join(map(str, LOWEST_TORCH))
        raise BadInput(f"ONNX needs PyTorch {lowest} or newer, this is {torch.__version__}; or {WITHOUT}")


def write_onnx(embedder: Embedder, path: Path) -> None:
    """Write the embedding with a batch of any size. Inputs and output are named as in ``harness.results.exported``.

    Raises BadInput, naming the operator, for a network that cannot be exported.
    """
    facts = embedder.facts
    inputs: dict[str, Tensor] = {IMAGES: torch.zeros(2, 3, facts["height"], facts["width"])}
    if facts["reads_infrared"]:
        inputs[INFRARED] = torch.tensor([False, True])
    batch = {0: torch.export.Dim("batch")}
    try:
        with warnings.catch_warnings():
            # The exporter warns of its own deprecated calls; what it cannot do, it raises.
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                embedder.network,
                tuple(inputs.values()),
                dynamo=True,
                dynamic_shapes=tuple(batch for _ in inputs),
                input_names=list(inputs),
                output_names=[FEATURES],
                verbose=False,
            )
    except Exception as error:  # The exporter raises different types for different operators.
        raise BadInput(f"{facts['cell']} cannot be exported as ONNX: {_cause(error)}; {WITHOUT}") from error
    assert program is not None
    program.save(path, external_data=False)


def onnx_features(path: Path, prepared: Tensor, infrared: Tensor | None) -> NDArray[np.float32]:
    """Features (N, D) of prepared images in ONNX Runtime, the first image as a batch of its own."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    inputs = {IMAGES: prepared.numpy()} | ({} if infrared is None else {INFRARED: infrared.numpy()})
    parts = ({name: value[rows] for name, value in inputs.items()} for rows in (slice(0, 1), slice(1, None)))
    return np.concatenate([session.run([FEATURES], part)[0] for part in parts])


def _cause(error: BaseException) -> str:
    """The operator that has no ONNX form, else the first line of the error at the bottom."""
    bottom = error
    while bottom.__cause__ is not None:
        bottom = bottom.__cause__
    operator = OPERATOR.search(str(bottom))
    if operator:
        return f"the operator {operator[1]} has no ONNX form"
    return (str(bottom).strip() or type(bottom).__name__).splitlines()[0].rstrip(".")
