"""The code that a run's weights and a cell's figures depend on, and the hash of a configuration that holds it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from harness.files.hashing import canonical_hash
from harness.plan.fingerprint import CodeAddress, content, reached_code

TRAINING_CODE: tuple[CodeAddress, ...] = (
    ("harness.training.loop", "train"),
    ("harness.runs.preparation", "build_model"),
    ("harness.runs.preparation", "initialise"),
    ("harness.runs.preparation", "training_data"),
    # Reached through annotated arguments only, which the reading of the code does not follow.
    ("harness.training.machine", "Machine"),
    ("harness.recipe", "Sampler"),
)

EVALUATION_CODE: tuple[CodeAddress, ...] = (
    ("harness.runs.evaluation", "evaluate_run"),
    ("harness.training.machine", "Machine"),
)

PRIORS_CODE: CodeAddress = ("harness.priors.loading", "_prior")
"""Derives what a method reads from what a file of priors holds; the fingerprint of that file does not cover it."""

WITHOUT_EFFECT = ("harness.errors:", "harness.files.", "harness.results.", "harness.registry:", "harness.plan.shelf:")
"""Code that is reached but cannot change a figure: how files are found and written, how errors are worded."""


@cache
def effective_code(roots: tuple[CodeAddress, ...]) -> dict[str, str]:
    """Digest by address of each definition reached from ``roots`` that can change a figure."""
    return {name: digest for name, digest in reached_code(roots).items() if not name.startswith(WITHOUT_EFFECT)}


def priors_code(kinds: tuple[str, ...]) -> tuple[CodeAddress, ...]:
    """Where the derivation of priors begins, for a method that reads some."""
    return (PRIORS_CODE,) if kinds else ()


def configuration_hash(configuration: Mapping[str, Any]) -> str:
    """Hash of a configuration; its ``code`` counts by content, so that moving a function changes nothing."""
    return canonical_hash({**configuration, "code": content(configuration["code"])})
