"""Every method's forward and losses are one graph each: torch.compile finds nothing that it cannot trace."""

import pytest
import torch

from harness import registry
from harness.runs.contract.variants import built, noise_batch


@pytest.mark.slow
@pytest.mark.parametrize("method", registry.methods().values(), ids=lambda method: method.id)
def test_forward_and_losses_compile_without_a_break_and_give_the_same(method):
    switches = method.switches()
    expected, model = (built(method, switches).train() for _ in range(2))
    images, _ = noise_batch(method, switches)
    torch._dynamo.reset()
    forward = torch.compile(model.forward, fullgraph=True, backend="eager")
    losses = torch.compile(model.losses, fullgraph=True, backend="eager")
    torch.manual_seed(0)
    compiled = losses(forward(images), images)
    torch.manual_seed(0)
    plain = expected.losses(expected(images), images)
    assert compiled.keys() == plain.keys()
    for name, loss in plain.items():
        torch.testing.assert_close(compiled[name], loss, rtol=1e-3, atol=1e-4)
    sum(compiled.values()).backward()
    assert all(torch.isfinite(each.grad).all() for each in model.parameters() if each.grad is not None)
