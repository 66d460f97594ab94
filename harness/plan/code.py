"""The code that a run's weights and a cell's figures depend on."""

from __future__ import annotations

from functools import cache

from harness.plan.fingerprint import CodeAddress, reached_code

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
"""Makes what a method reads from what is stored, whose fingerprint knows nothing of it."""

WITHOUT_EFFECT = ("harness.errors:", "harness.files.", "harness.results.", "harness.registry:", "harness.plan.shelf:")
"""Code that is reached but cannot change a figure: how files are found and written, how errors are worded."""


@cache
def effective_code(roots: tuple[CodeAddress, ...]) -> dict[str, str]:
    """Digest of each definition reached from ``roots`` that can change a figure, by address."""
    return {name: digest for name, digest in reached_code(roots).items() if not name.startswith(WITHOUT_EFFECT)}


def priors_code(kinds: tuple[str, ...]) -> tuple[CodeAddress, ...]:
    """Where the making of priors begins, for a method that reads some."""
    return (PRIORS_CODE,) if kinds else ()
