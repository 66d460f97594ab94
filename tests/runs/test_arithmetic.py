"""A run is computed in bfloat16 only where a batch of it shows that this processor computes it rightly."""

import pytest
import torch
from torch.nn import functional as F

from harness.results.store import Store
from harness.run import main
from harness.training import loop
from tests.commands.test_run import figures

TABLE = ("--table", "toy_table", "--dataset", "market1501", "--profile", "demo", "--device", "cpu", "--row", "Narrow")


@pytest.fixture
def command(toy_alone, market_root, tmp_path, capsys, monkeypatch):
    """Runs the command on a processor that takes bfloat16 by itself; returns exit code, output and the store."""
    monkeypatch.setattr("harness.commands.resources.bfloat16_helps", lambda device: True)

    def run(*arguments, results="results"):
        folders = ("--data-root", market_root, "--results", tmp_path / results, "--report", tmp_path / "pages")
        code = main([str(argument) for argument in (*TABLE, *arguments, *folders)])
        said = capsys.readouterr()
        return code, said.out + said.err, Store(tmp_path / results)

    return run


@pytest.fixture
def processor(monkeypatch):
    """``wrong()`` plants a bfloat16 convolution whose first column nobody wrote; ``sound()`` one that is right."""
    exact = F.conv2d

    def plant(change):
        def convolve(images, weight, *rest):
            if not torch.is_autocast_enabled("cpu"):
                return exact(images, weight, *rest)
            with torch.autocast("cpu", enabled=False):
                return change(exact(images, weight, *rest).bfloat16())

        monkeypatch.setattr(F, "conv2d", convolve)

    class Processor:
        def sound(self):
            plant(lambda found: found)

        def wrong(self):
            plant(lambda found: torch.cat((torch.full_like(found[..., :1], 1000.0), found[..., 1:]), -1))

    return Processor()


def test_where_bfloat16_is_wrong_a_run_is_the_float32_run_and_says_so(command, processor):
    processor.wrong()
    code, said, store = command()
    (record,) = store.records()
    computed = record["receipt"]["computation"]
    assert code == 0
    assert "is computed in float32: bfloat16 gave" in said
    assert (computed["precision"], computed["distrust"]["sign"]) == ("float32", "far from float32")
    assert "--precision float32" in record["receipt"]["command"]
    assert figures(store) == figures(command("--precision", "float32", results="float32")[2])


def test_bfloat16_that_was_asked_for_is_not_replaced(command, processor):
    processor.wrong()
    code, said, store = command("--precision", "bfloat16")
    (record,) = store.records()
    assert (code, record["status"], record["cause"]["kind"]) == (1, "failed", "bad input")
    assert "leave the option out or use --precision float32" in said


def test_sound_bfloat16_is_taken(command, processor):
    processor.sound()
    code, said, store = command()
    computed = store.records()[0]["receipt"]["computation"]
    assert (code, computed["precision"], "distrust" in computed) == (0, "bfloat16", False)
    assert "is computed in float32" not in said


def test_an_evaluation_on_a_processor_that_is_wrong_takes_float32(command, processor, monkeypatch):
    processor.sound()
    train = loop._Training.epoch

    def trained_elsewhere(*arguments):
        train(*arguments)
        if arguments[1].epoch == 3:
            processor.wrong()

    monkeypatch.setattr(loop._Training, "epoch", trained_elsewhere)
    code, said, store = command()
    computed = store.records()[0]["receipt"]["computation"]
    assert (code, computed["precision"], computed["distrust"]["where"]) == (0, "bfloat16", "a")
    assert "the evaluation of run" in said


@pytest.mark.slow
def test_a_run_goes_on_in_the_precision_it_began_with(command, processor, monkeypatch):
    processor.wrong()
    alone = figures(command(results="alone")[2])
    train = loop._Training.epoch

    def killed(*arguments):
        if arguments[1].epoch == 1:
            raise KeyboardInterrupt
        train(*arguments)

    monkeypatch.setattr(loop._Training, "epoch", killed)
    assert command(results="killed")[0] == 130
    monkeypatch.setattr(loop._Training, "epoch", train)
    processor.sound()
    assert figures(command(results="killed")[2]) == alone
