"""Seeds of one training: what may differ between receipts whose figures are averaged, and what may not."""

import pytest

from harness.results.seeds import recipe_reasons
from tests.records import SCRATCH, batch, computation, passport, protocol, receipt

STARTED = SCRATCH | {"kind": "run", "method": "ide", "part": "trunk", "run": "0123456789abcdef"}


@pytest.mark.parametrize(
    ("changes", "splits", "mixed"),
    [
        ({}, 1, ""),
        ({"initialisation": STARTED | {"run": "fedcba9876543210"}}, 1, ""),
        ({"initialisation": SCRATCH | {"wanted": "imagenet", "reason": "no network"}}, 1, "recipes"),
        ({"initialisation": STARTED | {"method": "pcb"}}, 1, "recipes"),
        ({"initialisation": STARTED | {"part": "model"}}, 1, "recipes"),
        ({"initialisation": SCRATCH | {"kind": "luperson", "file": "one.pth"}}, 1, "recipes"),
        ({"recipe": {"epochs": 30}}, 10, "recipes"),
        ({"switches": {"k": 4}}, 1, "recipes"),
        ({"passport": passport(fingerprint="g")}, 1, "recipes"),
        ({"passport": passport(fingerprint="g")}, 10, ""),
        ({"computation": computation("float32")}, 1, "computation"),
        ({"code": "changed"}, 10, "computation"),
        ({"effective_batch": batch(gpus=4)}, 1, "computation"),
        ({"protocol": protocol("sysu_indoor")}, 1, "protocols"),
    ],
)
def test_only_seeds_of_one_training_are_averaged(changes, splits, mixed):
    receipts = [receipt(**{"initialisation": STARTED, **changed}) for changed in ({}, {}, changes)]
    found = recipe_reasons(receipts, splits)
    assert found == ([f"seeds of different {mixed}"] if mixed else [])
