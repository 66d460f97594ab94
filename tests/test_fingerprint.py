"""A result depends on the code it reaches, and on no other."""

import pytest

from harness import fingerprint
from harness.fingerprint import canonical_hash, changed, reached_code

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
        path = folder / (f"{rest}.py" if rest else "__init__.py")
        return path if package == "harness_sample" and path.is_file() else None

    monkeypatch.setattr(fingerprint, "_source", source)

    def write(name, text):
        (folder / f"{name}.py").write_text(text)
        fingerprint._module.cache_clear()

    for name, text in {"model": MODEL, "losses": LOSSES, "margins": MARGINS, "schedule": SCHEDULE}.items():
        write(name, text)
    yield write
    fingerprint._module.cache_clear()


def reached():
    return reached_code([("harness_sample.model", "Model")])


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


def test_new_and_dropped_definitions_are_told_apart():
    assert changed({"a:f": "1"}, {"a:g": "1"}) == ["a:f is no longer reached", "a:g is new"]


def test_equal_configurations_have_equal_hashes_and_different_ones_differ():
    assert canonical_hash({"a": 1, "b": [0.5]}) == canonical_hash({"b": [0.5], "a": 1})
    assert len({canonical_hash(value) for value in ({"ef": -2}, {"ef": 2}, [0.5], [0, 5], "0,5", 0.5)}) == 6


def test_a_run_reaches_its_method_and_the_training_loop_but_no_report():
    code = reached_code([("harness.recipe", "Recipe"), ("harness.method", "Method")])
    assert "harness.method:Method.parse" in code
    assert "harness.errors:unknown" in code
    assert not any(name.startswith("harness.reporting") for name in code)
