"""What every plugin must keep: the checks of ``reid-tables check``, made alike for all methods."""

import pytest

from harness import registry
from harness.runs.contract import checks
from harness.runs.contract.checks import CHECKS, MethodCheck, VariantCheck
from harness.runs.contract.variants import variants

FILES = {"__init__.py", "switches.py", "recipe.py", "model.py", "losses.py", "tables.yaml", "README.md"}
METHODS = list(registry.methods().values())
VARIANTS = [
    (f"{method.id}-{number}", method, switches, number)
    for method in METHODS
    for number, switches in enumerate(variants(method).values())
]
SLOW_METHOD_CHECKS = {checks.has_parts_for_its_rates, checks.has_no_idle_switch}
FIRST_ALONE = {checks.has_scalar_losses, checks.embeds_a_row_per_image, checks.moves_every_parameter}
"""Checks that all variants but the full method and the first row of its tables leave to ``pytest -m slow``."""


def of_methods():
    for check in CHECKS:
        if isinstance(check, MethodCheck):
            for method in METHODS:
                marks = [pytest.mark.slow] if check.faults in SLOW_METHOD_CHECKS else []
                yield pytest.param(check, method, id=f"{method.id}-{check.faults.__name__}", marks=marks)


def of_variants():
    for check in CHECKS:
        if isinstance(check, VariantCheck):
            for name, method, switches, number in VARIANTS:
                marks = [pytest.mark.slow] if check.faults in FIRST_ALONE and number > 1 else []
                yield pytest.param(check, method, switches, id=f"{name}-{check.faults.__name__}", marks=marks)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)
def test_the_folder_has_the_same_files_as_every_other(method):
    folder = registry.folders()[method.id]
    assert {path.name for path in folder.iterdir()} >= FILES
    assert "## Where we had to choose" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("check", "method"), of_methods())
def test_a_method_keeps_the_contract(check, method):
    assert list(check.faults(method)) == []


@pytest.mark.parametrize(("check", "method", "switches"), of_variants())
def test_a_variant_keeps_the_contract(check, method, switches):
    assert list(check.faults(method, switches)) == []
