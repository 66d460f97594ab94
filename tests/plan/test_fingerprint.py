"""A result depends on the code it reaches, and on no other."""

from pathlib import Path

import numpy as np
import pytest

from harness.datasets.base import Dataset, Passport, Split
from harness.files.hashing import canonical_hash
from harness.machine.computation import Computation
from harness.plan import fingerprint
from harness.plan import planner as plan
from harness.plan.fingerprint import changed, reached_code
from harness.plan.plan import Plan
from harness.plan.planner import Planner
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


def test_how_priors_are_made_is_part_of_a_run_that_reads_them_and_of_no_other(tmp_path):
    planned = Plan()
    planner = Planner(Shelf(tmp_path), Store(tmp_path), Computation(bfloat16=False), draw=False)
    for table_id in ("mpn_ablation", "bot_tricks"):
        planner.add(planned, table(table_id), table(table_id).rows, ["synthetic"], "demo")
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
        return plan._tested(Dataset("d", Path("d"), train, query, gallery, passport, multi_query=pooled))

    found = [
        of(("a", "b"), ("c", "d")),
        *(of(("b", "a"), ("c", "d")), of(("a", "b"), ("d", "c")), of(("a", "b"), ("c",))),
        *(of(("a", "b"), ("c", "d"), ((0,), (1,))), of(("a", "b"), ("c", "d"), ((1,), (0,)))),
    ]
    assert len(set(found)) == len(found)
    assert of(("a", "b"), ("c", "d")) == found[0]
