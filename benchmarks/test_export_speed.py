"""Speed of an exported network: ONNX Runtime as a ratio to PyTorch, on the same images in the same run.

Both embed at batch 1 and at batch 64, on the same number of threads, and take turns. The ratio is above 1 where ONNX
Runtime is faster. No limit is promised; what must hold is that the exported file is no slower than half of PyTorch.
"""

import time
from statistics import median

import pytest
import torch

from harness import registry
from harness.runs.exporting.onnx_file import write_onnx
from tests.exports import untrained_embedder

onnxruntime = pytest.importorskip("onnxruntime", reason="no ONNX Runtime: pip install -e '.[onnx]'")

MIN_RATIO = 0.5
BATCHES = (1, 64)
ROUNDS = {1: 30, 64: 5}
"""Turns of each, by batch."""


@pytest.fixture(scope="module", params=registry.methods())
def taken_away(request, tmp_path_factory):
    """The full method on the trunk of its demo, and its ONNX file in ONNX Runtime."""
    method = registry.method(request.param)
    _, embedder = untrained_embedder(method, method.switches())
    path = tmp_path_factory.mktemp("onnx") / "embedding.onnx"
    write_onnx(embedder, path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return embedder, onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("batch", BATCHES)
def test_an_exported_network_is_not_much_slower_than_in_pytorch(taken_away, batch, record_property):
    embedder, session = taken_away
    images = torch.rand(batch, 3, embedder.facts["height"], embedder.facts["width"])
    infrared = torch.arange(batch) % 2 == 1 if embedder.facts["reads_infrared"] else None
    inputs = {"images": images.numpy()} | ({} if infrared is None else {"infrared": infrared.numpy()})

    def in_torch():
        with torch.inference_mode():
            embedder.network(images, infrared)

    seconds = {in_torch: [], lambda: session.run(None, inputs): []}
    for turn in range(ROUNDS[batch] + 1):
        for embed, taken in seconds.items():
            started = time.perf_counter()
            embed()
            if turn:  # The first turn warms up.
                taken.append(time.perf_counter() - started)
    torch_ms, onnx_ms = (1000 * median(taken) for taken in seconds.values())
    record_property("torch_ms", round(torch_ms, 2))
    record_property("onnx_ms", round(onnx_ms, 2))
    print(
        f"{embedder.facts['method']}, batch {batch}: PyTorch {torch_ms:.2f} ms, ONNX Runtime {onnx_ms:.2f} ms, "
        f"ratio {torch_ms / onnx_ms:.2f}"
    )
    assert torch_ms / onnx_ms > MIN_RATIO
