"""A method's object: its network is named by an address, and its switches are checked by their types."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import pytest

from harness import registry
from harness.errors import BadInput
from harness.method import Method, PriorNeeds
from harness.switches import AtLeast, check_values
from methods.bot import METHOD, BoTSwitches

ROOT = Path(__file__).parents[1]
FILES = {"__init__.py", "switches.py", "recipe.py", "model.py", "losses.py", "tables.yaml", "README.md"}


@dataclass(frozen=True)
class Options:
    on: bool = True
    form: Literal["a", 1] = "a"
    count: int = 0
    parts: Annotated[int, AtLeast(1)] = 6
    weight: float = 0.5
    margin: float | Literal["soft"] = 0.3

    def __post_init__(self):
        check_values(self)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"on": 1}, "on must be true or false, not 1"),
        ({"form": True}, "form must be one of a, 1, not True"),
        ({"count": -1}, "count must be a whole number, 0 or more, not -1"),
        ({"count": True}, "count must be a whole number, 0 or more, not True"),
        ({"parts": 0}, "parts must be a whole number, 1 or more, not 0"),
        ({"parts": 2.0}, "parts must be a whole number, 1 or more, not 2.0"),
        ({"parts": "6"}, "parts must be a whole number, 1 or more, not '6'"),
        ({"weight": True}, "weight must be a number, 0 or more, not True"),
        ({"weight": float("inf")}, "weight must be a number, 0 or more, not inf"),
        ({"margin": "hard"}, "margin must be soft or a number, 0 or more, not 'hard'"),
    ],
)
def test_a_value_of_another_type_or_range_is_refused_in_one_sentence(wrong, said):
    with pytest.raises(ValueError, match="must be") as error:
        Options(**wrong)
    assert str(error.value) == said


def test_values_in_range_are_kept_and_numbers_have_one_form():
    options = Options(on=False, form=1, count=3, parts=1, weight=-0.0, margin="soft")
    assert (options.count, options.parts, options.margin) == (3, 1, "soft")
    assert str(options.weight) == "0.0" and isinstance(Options(weight=1).weight, float)


def test_id_switches_model_and_recipe_are_enough():
    method = Method(id="bot", switches=BoTSwitches, model="methods.bot.model:BoT", recipe=METHOD.recipe)
    assert method.embedding(BoTSwitches()) == "feature"
    assert method.priors(BoTSwitches()) == PriorNeeds() and not method.reranked(BoTSwitches())
    model = method.build(BoTSwitches(), 4, "resnet10")
    assert type(model).__name__ == "BoT" and model.classifier.out_features == 4


@pytest.mark.parametrize("address", ["methods.bot.model", "methods.bot.model.BoT", "methods/bot/model:BoT", ":BoT", ""])
def test_a_model_that_is_no_address_is_refused_with_the_form_it_must_have(address):
    with pytest.raises(BadInput) as error:
        _ = replace(METHOD, model=address).model_address
    assert str(error.value) == f"METHOD.model of bot is {address!r}; write it as 'package.module:Class'"


@pytest.mark.parametrize("module", ["methods.bot.modle", "nowhere.model", "nowhere"])
def test_a_module_that_does_not_exist_is_named(module):
    with pytest.raises(BadInput, match=f"METHOD.model of bot is '{module}:BoT'; no module {module} exists, correct"):
        replace(METHOD, model=f"{module}:BoT").build(BoTSwitches(), 4, "resnet10")


def test_a_class_that_does_not_exist_is_named_beside_the_nearest():
    with pytest.raises(BadInput, match=r"unknown class of methods\.bot\.model 'Bot'; the nearest known: 'BoT'"):
        replace(METHOD, model="methods.bot.model:Bot").build(BoTSwitches(), 4, "resnet10")


def test_a_module_that_is_there_but_cannot_be_imported_keeps_its_traceback(tmp_path, monkeypatch):
    (tmp_path / "broken_model.py").write_text("import a_library_that_is_not_here\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="a_library_that_is_not_here"):
        replace(METHOD, model="broken_model:Model").build(BoTSwitches(), 4, "resnet10")


@pytest.mark.slow
@pytest.mark.parametrize("first", ["recipe", "switches", "model"])
def test_recipe_stays_a_function_whichever_module_of_the_method_is_imported_first(first):
    """``methods.<id>.recipe`` is a module as well, and Python binds a submodule as an attribute of its package."""
    script = f"""
import importlib
from harness import registry
for name in registry.folders():
    importlib.import_module(f"{{registry.package(name)}}.{first}")
for name, method in registry.methods().items():
    package = importlib.import_module(registry.package(name))
    importlib.import_module(method.model_address[0])
    assert package.recipe is method.recipe and package.embedding is method.embedding, name
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_template_has_the_files_of_every_method():
    assert {path.name for path in (ROOT / "methods" / "template" / "my_reid").iterdir()} >= FILES


def test_no_method_needs_torch_to_be_listed():
    script = "import sys; from harness import registry; registry.methods(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_every_method_of_this_repository_is_built():
    assert all(registry.is_built(method_id) for method_id in registry.folders())
