"""A result depends on what the code it reaches says: not on other code, and not on where the code lies."""

import ast
import shutil
from pathlib import Path

import numpy as np
import pytest

import harness
from harness import registry
from harness.datasets.base import Dataset, Passport, Split
from harness.files.hashing import canonical_hash
from harness.machine.computation import Computation
from harness.plan import code, fingerprint, planner
from harness.plan.fingerprint import changed, content, reached_code, resolves
from harness.plan.plan import Plan
from harness.plan.planner import Planner
from harness.plan.selection import Choice
from harness.plan.shelf import Shelf
from harness.results.store import Store
from harness.tables import table

MODEL = '''
"""A model."""
from harness_sample.losses import triplet
from harness_sample import schedule

SCALE = 2

class Model:
    """Docstring."""
    def forward(self, x):
        return helper(x) * SCALE

    def train(self, x):
        return schedule.rate(x)

def helper(x):
    return triplet(x)

def never_called(x):
    return x
'''
LOSSES = "def triplet(x):\n    from . import margins\n    return margins.margin(x)\n\ndef other(x):\n    return x\n"
MARGINS = "def margin(x):\n    return x + 1\n"
SCHEDULE = "def rate(x):\n    return x\n\ndef warm(x):\n    return x\n"


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A small package the fingerprint reads in place of the harness; returns a function that writes one module."""
    folder = tmp_path / "harness_sample"
    folder.mkdir()
    (folder / "__init__.py").write_text("")

    def source(name):
        package, _, rest = name.partition(".")
        path = folder.joinpath(*rest.split(".")) if rest else folder
        found = [file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()]
        return found[0] if found and package == "harness_sample" else None

    monkeypatch.setattr(fingerprint, "_source", source)

    def write(name, text):
        file = folder / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        fingerprint._module.cache_clear()

    for name, text in {"model": MODEL, "losses": LOSSES, "margins": MARGINS, "schedule": SCHEDULE}.items():
        write(name, text)
    yield write
    fingerprint._module.cache_clear()


def reached(*modules):
    return reached_code([(f"harness_sample.{module}", "Model") for module in modules or ("model",)])


def test_what_is_named_is_reached_through_imports_also_those_inside_functions(sources):
    assert set(reached()) == {
        "harness_sample.model:SCALE",
        "harness_sample.model:Model",
        "harness_sample.model:Model.forward",
        "harness_sample.model:Model.train",
        "harness_sample.model:helper",
        "harness_sample.losses:triplet",
        "harness_sample.margins:margin",
        "harness_sample.schedule:rate",
    }


def test_a_changed_function_is_named(sources):
    before = reached()
    sources("margins", MARGINS.replace("x + 1", "x + 2"))
    assert changed(before, reached()) == ["harness_sample.margins:margin changed"]


def test_a_changed_constant_and_a_changed_method_are_named(sources):
    before = reached()
    sources("model", MODEL.replace("SCALE = 2", "SCALE = 3").replace("schedule.rate(x)", "schedule.rate(x + 1)"))
    assert changed(before, reached()) == [
        "harness_sample.model:Model.train changed",
        "harness_sample.model:SCALE changed",
    ]


def test_comments_docstrings_layout_and_code_that_is_not_reached_change_nothing(sources):
    before = reached()
    sources("model", MODEL.replace('"""Docstring."""', '"""Other words."""').replace("return x\n", "return x + 9\n"))
    sources("losses", "# a remark\n\n" + LOSSES.replace("return x\n", "return -x\n"))
    assert reached() == before


def test_a_function_that_moves_with_its_callers_imports_leaves_the_content_as_it_is(sources):
    before = reached()
    moved = "def margin(x):\n    return x + 1\n"
    sources("schedule", moved + "def warm(x):\n    return x\n\ndef rate(x):\n    return x\n")
    sources("margins", "")
    sources("losses", LOSSES.replace("from . import margins", "from .schedule import margin").replace("margins.m", "m"))
    after = reached()
    assert "harness_sample.schedule:margin" in after
    assert content(after) == content(before)
    assert changed(before, after) == []


CALLERS = {
    "a name": "from harness_sample.losses import triplet\ndef f(x):\n    return triplet(x)\n",
    "a name under another": "from harness_sample.losses import triplet as loss\ndef f(x):\n    return loss(x)\n",
    "a relative name": "from .losses import triplet\ndef f(x):\n    return triplet(x)\n",
    "a relative module": "from . import losses\ndef f(x):\n    return losses.triplet(x)\n",
    "a module": "from harness_sample import losses\ndef f(x):\n    return losses.triplet(x)\n",
    "a module under another name": "import harness_sample.losses as other\ndef f(x):\n    return other.triplet(x)\n",
    "a dotted name": "import harness_sample.losses\ndef f(x):\n    return harness_sample.losses.triplet(x)\n",
    "inside the function": "def f(x):\n    from .losses import triplet as loss\n    return loss(x)\n",
    "through another module": "from .model import triplet\ndef f(x):\n    return triplet(x)\n",
    "through another module and name": "from .renamed import loss\ndef f(x):\n    return loss(x)\n",
    "whatever the module holds": "from .losses import *\ndef f(x):\n    return triplet(x)\n",
}


@pytest.mark.parametrize("how", CALLERS)
def test_by_which_import_a_definition_is_named_makes_no_difference(sources, how):
    sources("renamed", "from harness_sample.losses import triplet as loss\n")
    sources(
        "callers",
        "def triplet(x):\n    from .margins import margin\n    return margin(x)\ndef f(x):\n    return triplet(x)\n",
    )
    apart = reached_code([("harness_sample.callers", "f")])
    sources("losses", LOSSES.replace("from . import margins", "from .margins import margin").replace("margins.m", "m"))
    sources("callers", CALLERS[how])
    code = reached_code([("harness_sample.callers", "f")])
    assert set(code) == {"harness_sample.callers:f", "harness_sample.losses:triplet", "harness_sample.margins:margin"}
    assert content(code) == content(apart)


def test_one_character_is_another_content_and_is_named_also_where_the_function_moved(sources):
    before = reached()
    sources("margins", "")
    sources("schedule", SCHEDULE + MARGINS.replace("x + 1", "x - 1"))
    sources(
        "losses", LOSSES.replace("from . import margins", "from . import schedule").replace("margins.", "schedule.")
    )
    after = reached()
    assert content(after) != content(before)
    assert changed(before, after) == ["harness_sample.schedule:margin changed"]


def test_a_class_that_moves_is_silent_and_its_changed_method_is_named(sources):
    before = reached()
    sources("network", MODEL)
    assert content(reached("network")) == content(before)
    sources("network", MODEL.replace("schedule.rate(x)", "schedule.rate(x, 1)"))
    assert changed(before, reached("network")) == ["harness_sample.network:Model.train changed"]


def test_two_functions_of_one_text_are_one_content_until_one_of_them_changes(sources):
    caller = "from . import left, right\nclass Model:\n    parts = (left.same, right.same)\n"
    sources("twins", caller)
    for name in ("left", "right"):
        sources(name, "def same(x):\n    return x\n")
    before = reached("twins")
    assert before["harness_sample.left:same"] == before["harness_sample.right:same"]
    sources("right", "def same(x):\n    return x + 1\n")
    after = reached("twins")
    assert content(after) != content(before)
    assert "harness_sample.right:same changed" in changed(before, after)
    assert "harness_sample.left:same changed" not in changed(before, after)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("def f(x):\n    return x\n", "def f(x):\n    return -x\n"),
        tuple(f"SCALE = {scale}\ndef f(x):\n    return x * SCALE\n" for scale in (2, 3)),
    ],
    ids=["by what they say", "by what they name"],
)
def test_which_of_two_namesakes_is_called_is_part_of_the_content(sources, left, right):
    sources("left", left)
    sources("right", right)
    found = []
    for called in ("left.f(x)", "right.f(x)", "left.f(right.f(x))", "right.f(left.f(x))"):
        sources(
            "calls",
            f"from . import left, right\nclass Model:\n    both = left.f, right.f\n    g = lambda x: {called}\n",
        )
        found.append(content(reached("calls")))
    assert all(found.count(each) == 1 for each in found)


def test_methods_that_change_places_between_two_classes_are_another_content(sources):
    text = (
        "class {}:\n    def f(self):\n        return 1\nclass {}:\n    def f(self):\n        return 2\nModel = A, B\n"
    )
    sources("classes", text.format("A", "B"))
    before = reached("classes")
    sources("classes", text.format("B", "A"))
    assert content(reached("classes")) != content(before)


def test_a_local_name_is_no_module_that_is_called_alike(sources):
    body = (
        "class Model:\n    def f(self, schedule, y):\n        return schedule.rate(y), [losses.other for losses in y]\n"
    )
    sources("locals", "from harness_sample import losses, schedule\n" + body)
    code = reached("locals")
    assert set(code) == {"harness_sample.locals:Model", "harness_sample.locals:Model.f"}
    sources("locals", body)
    assert reached("locals") == code


def test_a_name_of_another_library_counts_with_the_module_it_is_from_however_it_is_imported(sources):
    found = []
    for imported, name in (
        *(("from math import sqrt", "sqrt"), ("import math", "math.sqrt"), ("from math import sqrt as r", "r")),
        ("from cmath import sqrt", "sqrt"),
    ):
        sources("roots", f"{imported}\nclass Model:\n    root = {name}\n")
        found.append(reached("roots"))
    assert found[0] == found[1] == found[2] != found[3]


def test_every_statement_that_defines_no_name_counts_and_a_module_without_any_adds_nothing(sources):
    registered = 'print("first")\nprint("second")\nclass Model:\n    """A model."""\n'
    sources("registered", registered)
    before = reached("registered")
    assert set(before) == {"harness_sample.registered:<module>", "harness_sample.registered:Model"}
    sources("registered", registered.replace("first", "third"))
    assert changed(before, reached("registered")) == ["harness_sample.registered:<module> changed"]


def test_both_halves_of_a_property_count(sources):
    getter, setter = "@property\n    def x(self):\n        return 1", "@x.setter\n    def x(self, value):\n        pass"
    text = f"class Model:\n    {getter}\n    {setter}\n"
    sources("halves", text)
    before = reached("halves")
    sources("halves", text.replace("return 1", "return 2"))
    assert changed(before, reached("halves")) == ["harness_sample.halves:Model.x changed"]


def test_a_module_that_is_handed_on_reaches_all_it_defines_and_its_dunder_names_do_not(sources):
    sources("handed", "from . import schedule\nclass Model:\n    loads = [schedule]\n")
    assert {"harness_sample.schedule:rate", "harness_sample.schedule:warm"} < set(reached("handed"))
    sources("handed", "from . import schedule\nclass Model:\n    name = schedule.__name__\n")
    assert set(reached("handed")) == {"harness_sample.handed:Model"}


def test_a_name_that_a_package_binds_hides_its_submodule_of_that_name(sources):
    sources("room/recipe", "def recipe(x):\n    return x\ndef other(x):\n    return x\n")
    sources("calls", "from harness_sample.room import recipe\nclass Model:\n    made = recipe(1)\n")
    sources("room/__init__", "from harness_sample.room.recipe import recipe\n")
    assert "harness_sample.room.recipe:recipe" in reached("calls")
    assert "harness_sample.room.recipe:other" not in reached("calls")
    sources("room/__init__", "from harness_sample.room import recipe\n")
    sources("calls", "from harness_sample.room import recipe\nclass Model:\n    made = recipe.other(1)\n")
    assert "harness_sample.room.recipe:other" in reached("calls")
    assert "harness_sample.room.recipe:recipe" not in reached("calls")


def test_a_name_that_a_package_loads_on_demand_is_followed_where_type_checkers_are_told_of_it(sources):
    told = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .schedule import rate\n"
    sources("lazy", f"{told}def __getattr__(name):\n    return 1\n")
    sources("calls", "from harness_sample.lazy import rate, unheard\nclass Model:\n    made = rate, unheard\n")
    assert {"harness_sample.schedule:rate", "harness_sample.lazy:__getattr__"} < set(reached("calls"))


def test_definitions_that_came_went_or_only_moved_are_told_apart():
    assert changed({"a:f": "1", "a:g": "2"}, {"a:f": "1", "a:h": "3"}) == ["a:g is no longer reached", "a:h is new"]
    assert changed({"a:f": "1"}, {"b:f": "1"}) == []
    assert changed({"a:f": "1"}, {"b:f": "2"}) == ["b:f changed"]
    assert changed({"a:f": "1", "c:f": "3"}, {"b:f": "2"}) == ["b:f changed", "c:f is no longer reached"]
    assert changed({"a:f": "1", "b:g": "2"}, {"a:f": "2", "b:g": "1"}) == []


def test_every_code_address_that_the_plan_holds_as_a_string_resolves():
    assert [
        address for address in (*code.TRAINING_CODE, *code.EVALUATION_CODE, code.PRIORS_CODE) if not resolves(address)
    ] == []


@pytest.mark.parametrize("method_id", [name for name in registry.folders() if registry.is_built(name)])
def test_the_address_of_each_methods_network_resolves(method_id):
    assert resolves(registry.method(method_id).model_address)


def test_an_address_resolves_to_a_definition_a_method_or_an_imported_name_of_the_project():
    assert resolves("harness.evaluation.scoring:evaluate")
    assert resolves("harness.evaluation:evaluate")
    assert resolves("harness.method:Method.parse")
    assert resolves(("harness.method", "*"))
    for wrong in (
        "harness.method:Methods",
        "harness.method:Method.parsed",
        "harness.gone:f",
        "harness.method",
        "math:pi",
    ):
        assert not resolves(wrong)


def _moved(copy, name, source, target, imports, spelt):
    """Move a function of the copied harness to another module, and fix the imports of those who call it."""
    for file in sorted(copy.rglob("*.py")):
        if name not in (written := file.read_text()):
            continue
        lines = written.splitlines()
        here = ".".join(("harness", *file.relative_to(copy).with_suffix("").parts))
        for node in reversed(ast.parse(written).body):
            named = isinstance(node, ast.ImportFrom) and node.module == source and [each.name for each in node.names]
            if named and name in named:
                kept = ", ".join(each for each in named if each != name)
                fixed = [f"from {source} import {kept}"] if kept else []
                lines[node.lineno - 1 : node.end_lineno] = [*fixed, f"from {target} import {name}"]
            elif here == source and isinstance(node, ast.FunctionDef) and node.name == name:
                text = "\n".join(lines[node.lineno - 1 : node.end_lineno])
                lines[node.lineno - 1 : node.end_lineno] = [f"from {target} import {name}"]
        file.write_text("\n".join(lines) + "\n")
    for before, after in spelt.items():
        assert before in text
        text = text.replace(before, after)
    file = copy.joinpath(*target.split(".")[1:]).with_suffix(".py")
    file.write_text(f"{file.read_text() if file.exists() else ''}\n{imports}\n\n{text}\n")


@pytest.mark.parametrize(
    ("name", "source", "target", "imports", "spelt"),
    [
        ("set_rate", "harness.training.optimisation", "harness.training.seeds", "import torch", {}),
        (
            *("random_rectangle", "harness.training.augmentation", "harness.training.rectangles"),
            "import numpy\nfrom harness import recipe as settings",
            {"np.random": "numpy.random", "Erasing | Patch": "settings.Erasing | settings.Patch"},
        ),
    ],
    ids=["to a module that is there", "to a new module that names others in another way"],
)
def test_a_function_that_moves_inside_a_copy_of_the_harness_leaves_a_runs_content_as_it_is(
    tmp_path, monkeypatch, name, source, target, imports, spelt
):
    roots = [*code.TRAINING_CODE, *code.EVALUATION_CODE, registry.method("mpn").model_address]
    here = reached_code(roots)
    copy = tmp_path / "harness"
    shutil.copytree(Path(harness.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(harness, "__path__", [str(copy)])
    try:
        fingerprint._module.cache_clear()
        assert reached_code(roots) == here
        _moved(copy, name, source, target, imports, spelt)
        fingerprint._module.cache_clear()
        there = reached_code(roots)
        assert here.keys() ^ there.keys() == {f"{source}:{name}", f"{target}:{name}"}
        assert content(there) == content(here)
        assert changed(here, there) == []
        file = copy.joinpath(*target.split(".")[1:]).with_suffix(".py")
        file.write_text(file.read_text().replace(f"def {name}(", f"def {name}(extra, "))
        fingerprint._module.cache_clear()
        assert changed(here, reached_code(roots)) == [f"{target}:{name} changed"]
    finally:
        fingerprint._module.cache_clear()


def test_equal_configurations_have_equal_hashes_and_different_ones_differ():
    assert canonical_hash({"a": 1, "b": [0.5]}) == canonical_hash({"b": [0.5], "a": 1})
    assert len({canonical_hash(value) for value in ({"ef": -2}, {"ef": 2}, [0.5], [0, 5], "0,5", 0.5)}) == 6


def test_a_run_reaches_its_method_and_the_training_loop_but_no_report():
    code = reached_code([("harness.recipe", "Recipe"), ("harness.method", "Method")])
    assert "harness.method:Method.parse" in code
    assert "harness.errors:unknown_name_error" in code
    assert not any(name.startswith("harness.reporting") for name in code)


def test_how_priors_are_made_is_part_of_a_run_that_reads_them_and_of_no_other(tmp_path):
    planned = Plan()
    planner = Planner(Shelf(tmp_path), Store(tmp_path), Computation(bfloat16=False), draw=False)
    for table_id in ("mpn_ablation", "bot_tricks"):
        planner.add(planned, Choice(table(table_id), table(table_id).rows, ("synthetic",), "demo"))
    made = "harness.priors.parsing:derive_parsing"
    reads = {run.method.id: made in run.configuration["code"] for run in planned.runs.values()}
    assert (reads["mpn"], reads["bot"]) == (True, False)


def test_which_images_stand_in_which_order_is_part_of_the_plan():
    def of(query, gallery, pooled=None):
        train, query, gallery = (
            Split(names, np.zeros(len(names), np.int64), np.zeros(len(names), np.int64))
            for names in ((), query, gallery)
        )
        passport = Passport("d", "official", "f", {})
        return planner._tested(Dataset("d", Path("d"), train, query, gallery, passport, multi_query=pooled))

    found = [
        of(("a", "b"), ("c", "d")),
        *(of(("b", "a"), ("c", "d")), of(("a", "b"), ("d", "c")), of(("a", "b"), ("c",))),
        *(of(("a", "b"), ("c", "d"), ((0,), (1,))), of(("a", "b"), ("c", "d"), ((1,), (0,)))),
    ]
    assert len(set(found)) == len(found)
    assert of(("a", "b"), ("c", "d")) == found[0]
