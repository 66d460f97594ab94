"""Every method can be taken away: its ONNX file gives PyTorch's features, for a batch of any size."""

import numpy as np
import pytest
import torch

from harness import registry
from harness.errors import BadInput
from harness.runs.exporting.onnx_file import LOWEST_TORCH, onnx_features, require_exporter, write_onnx
from methods.agw import AGWSwitches
from methods.ddag import DDAGSwitches
from methods.mdpr import MDPRSwitches
from methods.rmgl import RMGLSwitches
from tests.exports import IDENTITIES, untrained_embedder

TOLERANCE = 2e-6
VARIANTS = {
    **{method.id: method.switches() for method in registry.methods().values()},
    # Two streams, and features other than the default one.
    "agw, visible and infrared": AGWSwitches(visible_infrared=True),
    "ddag, f": DDAGSwitches(test_feature="f"),
    "mdpr, hard_g5 alone": MDPRSwitches(features=("hard_g5",)),
    "rmgl, even stripes": RMGLSwitches(activation_balanced_pooling=False),
}

needs_exporter = pytest.mark.skipif(
    tuple(int(part) for part in torch.__version__.split(".")[:2]) < LOWEST_TORCH,
    reason="PyTorch is older than its exporter of torch.export",
)


def images(embedder, count):
    rng = np.random.default_rng(count)
    prepared = rng.standard_normal((count, 3, embedder.facts["height"], embedder.facts["width"])).astype(np.float32)
    infrared = torch.arange(count) % 2 == 1 if embedder.facts["reads_infrared"] else None
    return torch.from_numpy(prepared), infrared


@needs_exporter
@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_onnx_runtime_gives_the_features_of_pytorch_for_a_batch_of_any_size(variant, tmp_path):
    _, embedder = untrained_embedder(registry.method(variant.partition(",")[0]), VARIANTS[variant])
    write_onnx(embedder, tmp_path / "embedding.onnx")
    for count in (2, 6):
        prepared, infrared = images(embedder, count)
        with torch.inference_mode():
            expected = embedder.network(prepared, infrared)
        found = torch.from_numpy(onnx_features(tmp_path / "embedding.onnx", prepared, infrared))
        assert (found - expected).abs().max() < TOLERANCE
        torch.testing.assert_close(found.norm(dim=1), torch.ones(count))


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_cell_s_feature_is_normalised_once_with_the_mirror_added_where_evaluation_adds_it(variant):
    method, switches = registry.method(variant.partition(",")[0]), VARIANTS[variant]
    model, embedder = untrained_embedder(method, switches)
    # The network as it is trained: two streams are cut by modality there, and chosen by modality here.
    trained = method.build(switches, IDENTITIES, method.recipe(switches, "synthetic", "demo").backbone).eval()
    trained.load_state_dict(model.state_dict())
    prepared, infrared = images(embedder, 3)
    mirrored = [prepared.flip(3)] if embedder.facts["flip_test"] else []
    with torch.inference_mode():
        features = [trained.embed(each, {"infrared": infrared}) for each in (prepared, *mirrored)]
        joined = [torch.cat([each[name] for name in method.embedding(switches).split("+")], 1) for each in features]
        found = embedder.network(prepared, infrared)
    torch.testing.assert_close(found, torch.nn.functional.normalize(sum(joined)), rtol=1e-4, atol=1e-6)


def test_a_network_of_two_streams_asks_for_the_modality_of_each_image():
    _, network = untrained_embedder(registry.method("ddag"), DDAGSwitches())
    pixels = torch.rand(2, 3, 30, 15)
    visible, infrared = network.embed(pixels, infrared=False), network.embed(pixels, infrared=True)
    assert not torch.allclose(visible, infrared)
    mixed = network.embed(pixels, infrared=[False, True])
    torch.testing.assert_close(mixed, torch.stack([visible[0], infrared[1]]), rtol=1e-4, atol=1e-6)
    with pytest.raises(BadInput, match="ddag has a stem per modality; say which images are infrared"):
        network.embed(pixels)
    for wrong in ([True], [0, 1], [[True, False]]):
        with pytest.raises(BadInput, match="infrared must be true, false or a list of 2 of these, one per image"):
            network.embed(pixels, infrared=wrong)


def test_a_missing_exporter_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("harness.runs.exporting.onnx_file.find_spec", lambda package: None)
    with pytest.raises(BadInput, match=r"ONNX needs onnx, onnxruntime, onnxscript: pip install 'reid-tables\[onnx\]'"):
        require_exporter()
