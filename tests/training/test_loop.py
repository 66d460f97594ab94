"""A training that is stopped and goes on is the training that was never stopped."""

import os
import signal
import time

import pytest
import torch

from harness import registry
from harness.models.reid import ReIDModel
from harness.recipe import Augmentation, Patch
from harness.training import loop
from harness.training.loop import train
from harness.training.machine import Machine
from harness.training.world import World
from tests.training.two_processes import CPU, data, recipe


def built(method: str) -> ReIDModel:
    torch.manual_seed(3)
    plugin = registry.method(method)
    return plugin.build(plugin.switches(), 6, "resnet10")


def settings(method: str):
    patches = Augmentation(padding=2, patch=Patch(ready=3)) if method == "bot" else Augmentation(flip=0.5)
    return recipe(method).__class__(**{**vars(recipe(method)), "epochs": 2, "augmentation": patches})


class StopsAt:
    """Sends this process a signal after a number of batches."""

    def __init__(self, model: ReIDModel, step: int, number: signal.Signals) -> None:
        self.left, self.number = step, number
        model.register_forward_pre_hook(self)

    def __call__(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), self.number)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(("method", "step"), [("bot", 1), ("bot", 4), ("bot", 6), ("ddag", 5)])
def test_a_signal_leaves_a_checkpoint_in_mid_epoch_from_which_the_training_is_exact(method, step, number, tmp_path):
    undisturbed = built(method)
    expected = train(undisturbed, data(), settings(method), 0, CPU, tmp_path / "whole", lambda *_: None)
    model = built(method)
    StopsAt(model, step, number)
    with pytest.raises(KeyboardInterrupt):
        train(model, data(), settings(method), 0, CPU, tmp_path / "cut", lambda *_: None)
    again = built(method)
    log = train(again, data(), settings(method), 0, CPU, tmp_path / "cut", lambda *_: None)
    assert (log["loss"], log["losses"], log["rate"]) == (expected["loss"], expected["losses"], expected["rate"])
    weights = again.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in undisturbed.state_dict().items())


def test_after_the_training_signals_end_the_process_as_before(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    train(built("bot"), data(), settings("bot"), 0, CPU, tmp_path / "whole", lambda *_: None)
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")
def test_the_sums_of_an_epoch_that_was_stopped_at_its_end_go_on_where_the_network_is(tmp_path):
    """Between GPUs nothing else can be added up; PyTorch's device without memory stands in for one."""
    model = built("bot")
    StopsAt(model, 3, signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        train(model, data(), settings("bot"), 0, CPU, tmp_path / "cut", lambda *_: None)
    elsewhere = Machine(torch.device("meta"), bfloat16=False)
    training = loop._Training(
        built("bot"), data(), settings("bot"), 0, elsewhere, World(), tmp_path / "cut", sync_batch_norm=False
    )
    assert {total.device.type for total in training.restore().sums.values()} == {"meta"}


def test_the_seconds_of_an_epoch_count_the_wait_for_what_the_device_still_had_to_do(tmp_path, monkeypatch):
    """A GPU finishes its last iterations when something reads their result, as the check for NaN does."""
    monkeypatch.setattr(loop, "_require_finite", lambda *_: time.sleep(0.4))
    log = train(built("bot"), data(), settings("bot"), 0, CPU, tmp_path / "whole", lambda *_: None)
    assert min(log["seconds"]) > 0.4
