"""methods/README.md, followed to the letter: every command in its blocks, in a home of its own."""

from __future__ import annotations

import json
import os
import re
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# All of them, so that one worker follows the guide for all.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home folder, with a Python environment that has what this one has and can take the user's package."""
    home = tmp_path_factory.mktemp("home")
    venv.create(home / "env", with_pip=False)
    (packages,) = (home / "env").glob("lib/python*/site-packages")
    (packages / "everything_here.pth").write_text("\n".join([str(ROOT), *site.getsitepackages()]))
    command = home / "env" / "bin" / "reid-tables"
    command.write_text(f"#!{home}/env/bin/python\nfrom harness.commands.main import main\nraise SystemExit(main())\n")
    command.chmod(0o755)
    return home


def run(command, home):
    """A shell's answer to a command, given from the checkout."""
    environment = {
        **os.environ,
        "HOME": str(home),
        "PATH": f"{home / 'env' / 'bin'}:{os.environ['PATH']}",
        # What is installed must do: nothing is fetched, and the harness itself is not a package here.
        **{
            "PIP_NO_INDEX": "1",
            "PIP_NO_DEPS": "1",
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        },
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
        # What other tests have drawn already.
        "HARNESS_CACHE": str(home.parent / "cache"),
    }
    return subprocess.run(
        ["bash", "-ec", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def followed(home):
    """What the whole guide prints."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "methods" / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    before = set(os.listdir(ROOT / "methods"))
    answer = run("\n".join(blocks), home)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert set(os.listdir(ROOT / "methods")) == before
    return answer.stdout + answer.stderr


def test_the_method_is_listed_kept_to_the_contract_run_and_found_in_the_tables(followed, home):
    assert re.search(r"^my_reid_main +Table 1 +1 of +2 rows run$", followed, re.MULTILINE)
    assert re.search(r"^my_reid: \d+ checks passed$", followed, re.MULTILINE) and "1 cells run, 0 failed" in followed
    (record,) = (home / "my-reid" / "results" / "records" / "my_reid_main").glob("*.json")
    record = json.loads(record.read_text())
    assert record["method"] == "my_reid" and record["status"] == "done" and 0 < record["metrics"]["map"] <= 100
    page = (home / "my-reid" / "reports" / "my_reid_main.html").read_text()
    assert "My method" in page and f"{record['metrics']['map']:.1f}" in page and "85.9" in page


def test_the_code_of_the_installed_package_is_part_of_the_runs_name(followed, home):
    why = "cd ~/my-reid && python -m harness.run --why my_reid_main-'My method'-synthetic"
    unchanged = run(why, home)
    assert unchanged.returncode == 0 and ": cached:" in unchanged.stdout and "changed" not in unchanged.stdout
    losses = home / "my-reid" / "my_reid" / "losses.py"
    losses.write_text(losses.read_text().replace("MARGIN = 0.2", "MARGIN = 0.3"))
    assert "my_reid.losses:MARGIN changed" in run(why, home).stdout


def test_a_broken_package_is_named_in_one_line(followed, home):
    tables = home / "my-reid" / "my_reid" / "tables.yaml"
    tables.rename(tables.with_suffix(".lost"))
    answer = run("python -m harness.run --list", home)
    assert answer.returncode == 2 and len(answer.stderr.splitlines()) == 1
    assert "entry point my_reid = my_reid of my-reid" in answer.stderr and "install it again" in answer.stderr


def test_the_template_is_not_a_method_of_this_repository():
    script = "from harness import registry; print(*registry.folders())"
    names = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "template" not in names.split() and "my_reid" not in names.split()
