"""A method and a dataset small enough to train in a second, for the tests of the harness itself."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import methods
from harness import registry, tables
from harness.plan import code, fingerprint
from tests.processes import Processes

TOY_INIT = """
from dataclasses import dataclass
from harness.method import Method
from harness.recipe import Augmentation, Erasing, Initialisation, Optimiser, Recipe, Sampler, Schedule

@dataclass(frozen=True)
class ToySwitches:
    width: int = 8
    feature: str = "a"
    breaks: str = ""

def recipe(switches, dataset, profile):
    start = Initialisation("scratch") if switches.width == 4 else Initialisation("run", "toy", {"width": 4})
    return Recipe("toy", 32, 16, Sampler(4, 2), 3, Optimiser(rate=0.05), Schedule((2,)),
                  Augmentation(erasing=Erasing()), start)

METHOD = Method("toy", ToySwitches, "methods.toy.model:Toy", recipe, lambda s: s.feature, frozenset({"feature"}))
"""
TOY_MODEL = """
import torch
from torch import nn
from harness.models.reid import ReIDModel

class Toy(ReIDModel):
    def __init__(self, switches, num_classes, backbone):
        super().__init__()
        self.breaks = switches.breaks
        stem = nn.Conv2d(3, 8, 3, stride=2)
        self.trunk = nn.Sequential(stem, nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d((4, 1)))
        self.head = nn.Linear(32, switches.width)
        self.classifier = nn.Linear(switches.width, num_classes)

    def forward(self, batch):
        if self.breaks == "raises":
            raise RuntimeError("the toy <broke>")
        return {"logits": self.classifier(self.head(self.trunk(batch.images).flatten(1)))}

    def losses(self, features, batch):
        loss = nn.functional.cross_entropy(features["logits"], batch.labels)
        return {"id": scaled(loss) * (float("nan") if self.breaks == "nan" else 1)}

    def embed(self, images, priors=None):
        pooled = self.trunk(images).flatten(1)
        return {"a": self.head(pooled), "b": pooled}

    def classifiers(self):
        return [self.classifier]

def scaled(loss):
    return loss * 1.0
"""
TOY_TABLES = """
paper: {title: "Toy", venue: "nowhere", year: 2026}
tables:
  - id: toy_table
    label: "Table 1"
    caption: "Toy rows"
    rows:
      - {name: "Narrow", runs: true, switches: {width: 4}, values: {market1501: {rank1: 50.0, map: 40.0}}}
      - {name: "Wide", runs: true, switches: {width: 8}, values: {market1501: {rank1: 90.1, map: 80.25}}}
      - {name: "Wide, other feature", runs: true, switches: {width: 8, feature: b}, values: {market1501: {map: 60.0}}}
      - {name: "Quoted [1]", runs: false, values: {market1501: {rank1: null, map: 12.3}}}
  - id: toy_failures
    label: "Table 2"
    caption: "Rows that fail"
    rows:
      - {name: "Raises", runs: true, switches: {width: 4, breaks: raises}, values: {market1501: {map: 1.0}}}
      - {name: "NaN", runs: true, switches: {width: 4, breaks: nan}, values: {market1501: {map: 1.0}}}
      - {name: "Works", runs: true, switches: {width: 4}, values: {market1501: {map: 1.0}}}
"""


def forget_code() -> None:
    """Read plugins, tables and sources anew."""
    for remembered in (registry.folders, registry.method, tables.tables, fingerprint._module, code.effective_code):
        remembered.cache_clear()


@pytest.fixture(autouse=True)
def own_cache_folder(tmp_path_factory, monkeypatch):
    """No test writes to the user's cache; what one test drew or decoded, others may read."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(autouse=True)
def float32_by_default(monkeypatch):
    """What a test trains without naming a precision is float32 on every processor.

    By itself the command chooses bfloat16 where the processor multiplies it, and some of those return what nobody wrote
    for maps as small as the tests' are. A test of bfloat16 asks for it.
    """
    monkeypatch.setattr("harness.commands.resources.bfloat16_helps", lambda device: False)


@pytest.fixture(scope="session")
def processes() -> Processes:
    """Starts the command in processes of its own."""
    return Processes()


@pytest.fixture
def toy_method(tmp_path, monkeypatch):
    """The plugin folder of method ``toy`` with tables ``toy_table`` and ``toy_failures``."""
    folder = tmp_path / "plugins" / "toy"
    folder.mkdir(parents=True)
    for name, text in {"__init__.py": TOY_INIT, "model.py": TOY_MODEL, "tables.yaml": TOY_TABLES}.items():
        (folder / name).write_text(text)
    monkeypatch.setattr(methods, "__path__", [*methods.__path__, str(folder.parent)])
    forget_code()
    yield folder
    forget_code()
    for name in ("methods.toy.model", "methods.toy"):
        sys.modules.pop(name, None)


@pytest.fixture
def leave_methods():
    """Leave only these methods. A command writes the pages of all tables, which takes longer than to train the toy."""
    everywhere = registry.folders

    def leave(*ids: str) -> None:
        left = {method_id: everywhere()[method_id] for method_id in ids}
        registry.folders = cache(lambda: left)
        tables.tables.cache_clear()

    yield leave
    registry.folders = everywhere
    tables.tables.cache_clear()


@pytest.fixture
def toy_alone(toy_method, leave_methods):
    """The plugin folder of the toy, where there is no other method."""
    leave_methods("toy")
    return toy_method


@pytest.fixture
def market_root(tmp_path) -> Path:
    """A data root with Market-1501's layout: 8 people to train on, 6 to test on, 2 cameras, coloured noise."""
    root = tmp_path / "data" / "Market-1501-v15.09.15"
    rng = np.random.default_rng(0)
    for folder, people, cameras in (
        ("bounding_box_train", range(1, 9), (1, 1, 2, 2)),
        ("query", range(101, 107), (1,)),
        ("bounding_box_test", [0, 0, *range(101, 107)], (1, 2, 2)),
    ):
        (root / folder).mkdir(parents=True)
        for index, person in enumerate(people):
            tint = np.random.default_rng(person).integers(0, 200, 3)
            for frame, camera in enumerate(cameras):
                pixels = (tint + rng.integers(0, 56, (64, 32, 3))).astype(np.uint8)
                name = f"{person:04d}_c{camera}s1_{index:06d}_{frame:02d}.jpg"
                Image.fromarray(pixels).save(root / folder / name)
    return root.parent
