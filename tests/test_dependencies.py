"""The versions that are asked for are the versions that are tested."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def bounds(lines):
    """Name of each package to the version its requirement begins with, ``None`` where it has no lower bound."""
    found = {}
    for line in lines:
        wanted = Requirement(line)
        versions = [each.version for each in wanted.specifier if each.operator in (">=", "==")]
        found[canonicalize_name(wanted.name)] = versions[0] if versions else None
    return found


@pytest.mark.parametrize("lines", [PROJECT["dependencies"], *EXTRAS.values()], ids=["dependencies", *EXTRAS])
def test_every_dependency_has_a_lower_bound(lines):
    assert not [name for name, version in bounds(lines).items() if version is None]


def test_the_lowest_versions_tested_are_the_lower_bounds():
    lines = (ROOT / ".ci" / "lowest.txt").read_text().splitlines()
    tested = bounds(line for line in lines if not line.startswith("#"))
    assert tested == bounds([*PROJECT["dependencies"], *EXTRAS["test"]])


def test_an_extra_asks_for_what_the_tests_are_run_with():
    tested = bounds(EXTRAS["test"])
    for lines in EXTRAS.values():
        assert {name: version for name, version in bounds(lines).items() if name in tested}.items() <= tested.items()
