"""The files at the top of the project agree with each other, with CI and with the code."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

import harness

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))


def instructions(dockerfile):
    """Pairs of instruction and arguments, continued lines joined, without comments."""
    text = re.sub(r"^#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def test_a_commit_is_checked_by_what_ci_checks_before_it_is_pushed():
    ci = (ROOT / ".ci" / "run").read_text().splitlines()
    hooks = [
        hook
        for repo in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
        for hook in repo["hooks"]
    ]
    assert hooks and not [hook["entry"] for hook in hooks if hook["entry"] not in ci]
    programs = ("ruff", "mypy", "lint-imports", "python tests/")
    assert [line for line in ci if line.startswith(programs)] == [hook["entry"] for hook in hooks]


def test_the_citation_names_this_version_and_licence():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["version"] == harness.__version__
    assert citation["license"] == PROJECT["license"] == "Apache-2.0"


def test_the_licence_travels_with_the_package():
    assert PROJECT["license-files"] == ["LICENSE"]
    assert "Apache License\n                           Version 2.0, January 2004" in (ROOT / "LICENSE").read_text()


def test_every_heading_of_the_changelog_says_which_hashes_move():
    days = (ROOT / "CHANGELOG.md").read_text().split("\n### ")[1:]
    first = days.pop()
    assert days and all(day.split("\n\n")[1].startswith("Hashes: ") for day in days)
    assert "Hashes" not in first


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.stem)
def test_an_image_copies_what_there_is_and_what_is_not_ignored(dockerfile):
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = [name for word, rest in instructions(dockerfile) if word == "COPY" for name in rest.split()[:-1]]
    assert copied and {*copied} <= let_in and all((ROOT / name).exists() for name in copied)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.stem)
def test_an_image_starts_the_command_and_asks_for_extras_that_there_are(dockerfile):
    found = instructions(dockerfile)
    assert dict(found)["ENTRYPOINT"] == '["reid-tables"]' and "reid-tables" in PROJECT["scripts"]
    installed = [word for word, rest in found if word == "RUN" for word in shlex.split(rest)]
    (project,) = [word for word in installed if re.fullmatch(r"\.(\[.*\])?", word)]
    extras = re.findall(r"\w+", project)
    assert {*extras} <= {*PROJECT["optional-dependencies"]}


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.stem)
def test_an_image_has_a_python_that_the_project_takes(dockerfile):
    version = re.fullmatch(r"python:(3\.\d+)-slim-\w+", dict(instructions(dockerfile))["FROM"])[1]
    assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]
