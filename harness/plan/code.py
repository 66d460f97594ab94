"""The code that can change a run's weights or a cell's figures, and the hash of a configuration with that code."""

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
    # Only annotated arguments lead to these, and the fingerprint does not follow annotations.
    ("harness.training.machine", "Machine"),
    ("harness.recipe", "Sampler"),
)

EVALUATION_CODE: tuple[CodeAddress, ...] = (
    ("harness.runs.evaluation", "evaluate_run"),
    ("harness.training.machine", "Machine"),
)

PRIORS_CODE: CodeAddress = ("harness.priors.loading", "_prior")
"""Derives the priors that a method reads from a file. The fingerprint of that file does not cover this code."""

WITHOUT_EFFECT = ("harness.errors:", "harness.files.", "harness.results.", "harness.registry:", "harness.plan.shelf:")
"""Code that is reached but cannot change a figure: it finds and writes files, or words errors."""


@cache
def effective_code(roots: tuple[CodeAddress, ...]) -> dict[str, str]:
    """Digest of each definition that ``roots`` reach and that can change a figure, by address."""
    return {name: digest for name, digest in reached_code(roots).items() if not name.startswith(WITHOUT_EFFECT)}


def priors_code(kinds: tuple[str, ...]) -> tuple[CodeAddress, ...]:
    """The code that derives these kinds of prior; none for a method that reads none."""
    return (PRIORS_CODE,) if kinds else ()


def configuration_hash(configuration: Mapping[str, Any]) -> str:
    """Hash of a configuration. Its ``code`` counts by content, so moving a function changes nothing."""
    return canonical_hash({**configuration, "code": content(configuration["code"])})
