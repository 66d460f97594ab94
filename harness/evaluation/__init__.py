"""Scoring: features and labels in, metrics, per-query ranks, intervals, verdicts and checked claims out.

``evaluate`` and ``score`` are loaded on first use, so that ``harness.evaluation.verdicts`` needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.evaluation.scoring import evaluate, score

__all__ = ["evaluate", "score"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from harness.evaluation import scoring

        return getattr(scoring, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
