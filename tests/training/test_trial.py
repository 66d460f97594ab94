"""The trial of bfloat16 finds a convolution that multiplies wrongly, and leaves the training as it was."""

import copy
from itertools import count

import pytest
import torch
from torch.nn import functional as F

from harness import registry
from harness.runs.contract.variants import built, noise_batch
from harness.training.machine import Machine
from harness.training.trial import try_embedding, try_training

NUMBERS = count()
BFLOAT16 = Machine(torch.device("cpu"), bfloat16=True)


@pytest.fixture
def convolution(monkeypatch):
    """Plants what a 3x3 convolution of stride 2 gives in bfloat16; others are right on every processor."""
    exact = F.conv2d

    def plant(wrong):
        def convolve(images, weight, bias=None, stride=1, *rest):
            if not torch.is_autocast_enabled("cpu"):
                return exact(images, weight, bias, stride, *rest)
            with torch.autocast("cpu", enabled=False):
                rounded = [each if each is None else each.bfloat16().float() for each in (images, weight, bias)]
                found = exact(*rounded, stride, *rest).bfloat16()
            return wrong(found) if weight.shape[-1] == 3 and tuple(stride) == (2, 2) else found

        monkeypatch.setattr(F, "conv2d", convolve)

    return plant


def last_column(fill):
    """The last column of a map is ``fill(map)``, as if nobody had written it."""
    return lambda found: torch.cat((found[..., :-1], fill(found[..., -1:])), -1)


def prepared(method_id):
    method = registry.method(method_id)
    switches = method.switches()
    images, _ = noise_batch(method, switches)
    return BFLOAT16.place(built(method, switches)), images


@pytest.mark.parametrize("method", ["bot", "agw", "ddag", "pyramid"])
def test_sound_arithmetic_is_trusted_and_the_trial_changes_nothing(method, convolution):
    convolution(lambda found: found)
    model, images = prepared(method)
    model.eval()
    before, drawn = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    assert try_training(model, images, BFLOAT16, seed=1) is None
    assert not any(module.training for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(
    ("fill", "sign"),
    [
        (lambda column: torch.full_like(column, float("nan")), "not finite"),
        (lambda column: column + next(NUMBERS), "not repeatable"),
        (lambda column: torch.full_like(column, 1000.0), "far from float32"),
    ],
)
def test_a_wrong_convolution_is_found_in_a_step_and_in_test_features(fill, sign, convolution):
    convolution(last_column(fill))
    model, images = prepared("ide")
    found = try_training(model, images, BFLOAT16, seed=1)
    assert found is not None and found["sign"] == sign
    found = try_embedding(model, images.images, {}, BFLOAT16)
    assert found is not None and (found["sign"], found["where"]) == (sign, "feature")
