"""Scoring: from features and labels to metrics, per-query ranks, intervals, verdicts and checked claims.

The functions of ``__all__`` are loaded on first use, so that ``harness.evaluation.verdicts`` needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.evaluation.own_features import score_file
    from harness.evaluation.reranking import rerank
    from harness.evaluation.scoring import evaluate, score

__all__ = ["evaluate", "rerank", "score", "score_file"]

_MODULES = {"evaluate": "scoring", "rerank": "reranking", "score": "scoring", "score_file": "own_features"}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"harness.evaluation.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
