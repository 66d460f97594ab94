"""A run whose network collapses is told: while it trains, in its record and verdict, on its page."""

import math

import numpy as np
import pytest
import torch

from harness import registry
from harness.results.store import Store
from harness.run import main
from harness.runs.collapse import collapsed_losses
from harness.training import loop
from harness.training.batches import TrainingData
from harness.training.machine import Machine

CPU = Machine(torch.device("cpu"), bfloat16=False)
IDENTITIES = 16
MARGINS = {"bot": 0.3, "pgfl_kd": 0.3, "mpn": 0.2, "ddag": 0.3, "mgn": 1.2, "pyramid": 1.4, "agw": math.log(2)}
TABLE = ("--table", "toy_table", "--dataset", "market1501", "--profile", "demo", "--device", "cpu", "--row", "Narrow")


def data(recipe):
    """Noise images of 16 identities, half of them infrared, with a prior of each kind."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(IDENTITIES), 4)
    count = len(labels)
    images = rng.integers(0, 256, (count, recipe.height, recipe.width, 3), dtype=np.uint8)
    priors = {
        "parsing": rng.integers(0, 5, (count, 64, 32)),
        "segmentation": rng.random((count, 64, 32)) > 0.5,
        "keypoints": rng.random((count, 17, 3), dtype=np.float32),
        "infrared": np.arange(count) % 2 == 1,
    }
    return TrainingData(images, labels, np.ones(count, np.int64), priors)


@pytest.mark.parametrize("method", registry.methods().values(), ids=lambda method: method.id)
def test_the_losses_of_a_collapsed_network_are_the_margin_and_the_logarithm_of_the_identities(method):
    switches = method.switches()
    recipe = method.recipe(switches, "synthetic", "demo")
    torch.manual_seed(0)
    model = CPU.place(method.build(switches, IDENTITIES, recipe.backbone))
    before = [value.clone() for value in model.state_dict().values()]
    found = collapsed_losses(model, data(recipe), recipe, 0, CPU)
    assert all(torch.equal(*pair) for pair in zip(before, model.state_dict().values(), strict=True))
    margin = MARGINS.get(method.id)
    for name, value in found.values.items():
        if name.startswith("triplet") and margin:
            assert value == pytest.approx(margin, rel=1e-3)
        if name.startswith(("id", "classification")):
            classifiers = value / math.log(IDENTITIES)
            assert classifiers == pytest.approx(round(classifiers), rel=1e-3) and classifiers > 0.5


@pytest.fixture
def command(toy_alone, market_root, tmp_path, capsys):
    """Runs the command; returns exit code, output, the records and the page."""

    def run(*arguments):
        folders = ("--data-root", market_root, "--results", tmp_path / "results", "--report", tmp_path / "pages")
        code = main([str(argument) for argument in (*TABLE, "--precision", "float32", *arguments, *folders)])
        said = capsys.readouterr()
        page = (tmp_path / "pages" / "toy_table.html").read_text()
        return code, said.out + said.err, Store(tmp_path / "results").records(), page

    return run


@pytest.fixture
def learns_nothing(monkeypatch):
    """No step changes the network, so the identity loss stays at chance."""
    monkeypatch.setattr(loop, "rate_factor", lambda *_: 0.0)


def test_a_run_that_learns_is_not_flagged(command):
    code, said, (record,), page = command()
    assert (code, "degenerate" in record, record["verdict"]["word"]) == (0, False, "not comparable")
    assert "degenerate" not in said
    assert "badge degenerate" not in page


def test_a_run_that_learns_nothing_is_flagged_in_log_record_verdict_and_page(command, learns_nothing):
    code, said, (record,), page = command()
    assert code == 0
    assert "degenerate: identity loss at chance: id is" in said
    assert (record["degenerate"]["sign"], record["degenerate"]["where"]) == ("identity loss at chance", "id")
    assert record["verdict"]["word"] == "degenerate"
    assert "identity loss at chance" in record["verdict"]["reason"]
    assert "badge degenerate" in page and "identity loss at chance" in page


def test_stop_degenerate_ends_it(command, learns_nothing):
    code, _, (record,), _ = command("--stop-degenerate")
    assert (code, record["status"], record["cause"]["kind"]) == (1, "failed", "degenerate")
    assert "identity loss at chance" in record["cause"]["message"]
