"""The contract on the template: as it is, it passes; each planted fault is named by the check that is made for it."""

import shutil
import sys
from pathlib import Path

import pytest

import methods
from harness.commands.main import main
from harness.errors import BadInput
from harness.runs.contract.behaviour import behaviour
from harness.runs.contract.outcome import outcomes
from tests.conftest import forget_code

TEMPLATE = Path(__file__).parents[3] / "methods" / "template" / "my_reid"


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """The folder of the template, as a method of this repository."""
    folder = tmp_path / "plugins" / "my_reid"
    shutil.copytree(TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(methods, "__path__", [*methods.__path__, str(folder.parent)])
    forget_code()
    yield folder
    forget_code()
    behaviour.cache_clear()
    for name in [name for name in sys.modules if name.startswith("methods.my_reid")]:
        del sys.modules[name]


def plant(folder, file, sound, fault):
    text = (folder / file).read_text()
    assert sound in text
    (folder / file).write_text(text.replace(sound, fault))


def test_the_template_passes_every_check(plugin, capsys):
    assert main(["check", "my_reid"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("✓") == len(printed.splitlines()) - 2
    assert printed.endswith("my_reid: 15 checks passed\nrun it: reid-tables run --table my_reid_main\n")


FAULTS = {
    "a loss that is no scalar": (
        ("model.py", "identity_loss([features.logits], batch.labels)", "features.logits.logsumexp(1)"),
        "its losses are named scalars",
        "loss 'id' has shape (8,); return a scalar",
    ),
    "a value that is moved to the host": (
        ("losses.py", "labels, MARGIN)", "labels, MARGIN * labels.max().clamp(1, 1).item())"),
        "a training step never waits for a value",
        "losses.py, line 14: _local_scalar_dense makes a GPU wait",
    ),
    "an embedding of another shape": (
        ("model.py", '{"feature": self._feature(images)}', '{"feature": self.trunk(images)}'),
        "embeddings are finite, named, one row per image",
        "embed gives 'feature' of shape (8, 256, 8, 4) for 8 images; return (8, D)",
    ),
    "an embedding of another name": (
        ("model.py", '{"feature": self._feature(images)}', '{"global": self._feature(images)}'),
        "embeddings are finite, named, one row per image",
        "embedding names the feature 'feature', but embed gives global; use one name",
    ),
    "a recipe that cannot be built": (
        ("recipe.py", "identities=8", "people=8"),
        "there is a recipe for every profile",
        "TypeError: Sampler.__init__() got an unexpected keyword argument 'people'",
    ),
    "a table with an unknown switch": (
        ("tables.yaml", "{triplet: true}", "{tripplet: true}"),
        "tables.yaml is valid, and its rows name known switches",
        "unknown switch of my_reid 'tripplet'; the nearest known: 'triplet'",
    ),
    "a package that cannot be imported": (
        ("switches.py", "from harness.switches", "from harness.switchs"),
        "METHOD can be imported",
        "No module named 'harness.switchs'",
    ),
    "a parameter that no loss reads": (
        ("model.py", "self.switches = switches", "self.switches, self.idle = switches, nn.Linear(2, 2)"),
        "two steps move every parameter that the recipe optimises",
        "two steps do not move idle.weight, idle.bias; let a loss depend on it",
    ),
    "a loss that reads the images": (
        ("model.py", "[features.logits], batch.labels)", "[features.logits], batch.labels) + batch.images.sum()"),
        "losses on the features of two processes are those of one",
        "let losses read features, labels and priors only",
    ),
    "a switch without effect": (
        ("model.py", "if self.switches.triplet:", "if True:"),
        "every switch moves something",
        "switch triplet moves nothing",
    ),
    "an embedding that mixes images": (
        ("model.py", '{"feature": self._feature(images)}', '{"feature": self._feature(images - images.mean(0))}'),
        "an image is embedded the same whatever stands beside it",
        "mix no images at inference",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_named_by_its_check(plugin, fault):
    change, check, said = FAULTS[fault]
    plant(plugin, *change)
    faulty = {outcome.name: outcome.faults for outcome in outcomes("my_reid") if outcome.faults}
    ((name, faults), *_) = faulty.items()
    assert check in name
    assert any(said in each for each in faults), faults


def test_what_rests_on_a_fault_is_not_checked_and_the_exit_code_is_1(plugin, capsys):
    plant(plugin, "recipe.py", "identities=8", "people=8")
    assert main(["check", "my_reid"]) == 1
    printed = capsys.readouterr().out
    assert "– a training step never waits for a value (not checked: fix the above first)" in printed
    assert printed.endswith("my_reid: 1 of 5 checks failed\n")


def test_an_unknown_method_gets_the_nearest():
    with pytest.raises(BadInput, match="unknown method 'bott'; the nearest known: 'bot'"):
        list(outcomes("bott"))
