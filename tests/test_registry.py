"""Methods of installed packages: whatever is wrong with one is said in one line that names the package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TABLES = """paper: {title: "Mine", venue: "here", year: 2026}
tables:
  - id: mine_main
    label: "Table 1"
    caption: "Mine"
    rows:
      - {name: "Mine", runs: true, switches: {}, values: {market1501: {map: 1.0}}}
"""
BOT = "from methods.bot import METHOD\n"
"""A package whose METHOD is in order but for its id."""


def install(site, name, entry, files):
    """What pip leaves of a package: its files, and beside them the metadata with its entry point."""
    for file, text in files.items():
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_text(text)
    information = site / f"{name}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[harness.methods]\n{entry}\n")


def listed(site):
    """``--list``, where the packages in ``site`` are installed."""
    path = os.pathsep.join([str(site), str(ROOT)])
    command = [sys.executable, "-m", "harness.run", "--list"]
    return subprocess.run(
        command, cwd=site, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("entry", "files", "message"),
    [
        pytest.param(
            "mine = mine",
            {"mine/__init__.py": "import a_library_that_is_not_here\n", "mine/tables.yaml": TABLES},
            "entry point mine = mine of my-package: mine cannot be imported (ModuleNotFoundError: No module named "
            "'a_library_that_is_not_here'); fix the package or uninstall it",
            id="it imports what is not there",
        ),
        pytest.param(
            "mine = mine.method",
            {"mine/__init__.py": "1 / 0\n", "mine/method/__init__.py": BOT, "mine/method/tables.yaml": TABLES},
            "entry point mine = mine.method of my-package: mine.method cannot be imported (ZeroDivisionError: division "
            "by zero); fix the package or uninstall it",
            id="the package around it fails",
        ),
        pytest.param(
            "mine = mine",
            {"mine/__init__.py": BOT},
            "entry point mine = mine of my-package: no package mine with a tables.yaml in it can be found; install it "
            "again, its tables.yaml among its package data, or uninstall it",
            id="no tables",
        ),
        pytest.param(
            "mine = mine",
            {"mine/mine/__init__.py": BOT, "mine/mine/tables.yaml": TABLES},
            "mine hides the package mine inside it, since Python looks there first; rename that folder, or start from "
            "another one",
            id="a folder of its name beside the script",
        ),
        pytest.param(
            "bot = mine",
            {"mine/__init__.py": BOT, "mine/tables.yaml": TABLES},
            "entry point bot = mine of my-package: there is a method 'bot' already; give the entry point another name",
            id="the name of a method here",
        ),
        pytest.param(
            "mine = mine",
            {"mine/__init__.py": "METHOD = 3\n", "mine/tables.yaml": TABLES},
            "mine/__init__.py: it defines no METHOD; set METHOD = Method(id='mine', ...)",
            id="no method",
        ),
        pytest.param(
            "mine = mine",
            {"mine/__init__.py": BOT, "mine/tables.yaml": TABLES},
            "mine/__init__.py: METHOD.id is 'bot'; it must be 'mine', the name it is registered by",
            id="another id",
        ),
    ],
)
def test_a_package_that_holds_no_working_method_is_named_in_one_line_with_the_mend(tmp_path, entry, files, message):
    install(tmp_path, "my-package", entry, files)
    answer = listed(tmp_path)
    assert answer.returncode == 2 and answer.stdout == ""
    assert answer.stderr.splitlines() == [answer.stderr.strip()] and message in answer.stderr


def test_of_two_packages_that_claim_one_name_one_must_go(tmp_path):
    for name in ("one", "two"):
        install(tmp_path, name, f"mine = {name}", {f"{name}/__init__.py": BOT, f"{name}/tables.yaml": TABLES})
    answer = listed(tmp_path)
    assert answer.returncode == 2 and len(answer.stderr.splitlines()) == 1
    assert "entry point mine = one of one" in answer.stderr and "entry point mine = two of two" in answer.stderr
    assert "uninstall one of the two packages" in answer.stderr


def test_a_method_of_this_repository_that_cannot_be_imported_keeps_its_traceback(tmp_path):
    script = """
import sys
from harness import registry
sys.modules["methods.bot"] = None
registry.method("bot")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Traceback" in done.stderr and "ModuleNotFoundError" in done.stderr.splitlines()[-1]
