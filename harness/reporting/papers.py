"""What a page says of the paper: read from the head of ``methods/<id>/tables.yaml``."""

from __future__ import annotations

from functools import cache

import yaml

from harness import registry
from harness.method import Paper


@cache
def papers() -> dict[str, Paper]:
    """The paper of every method by id, built or not."""
    return {method_id: _paper(method_id) for method_id in registry.folders()}


def _paper(method_id: str) -> Paper:
    # harness.tables has validated the file before a report is asked for.
    content = yaml.load(
        (registry.folders()[method_id] / "tables.yaml").read_text(encoding="utf-8"),
        getattr(yaml, "CSafeLoader", yaml.SafeLoader),
    )["paper"]
    return Paper(content.get("title", method_id), content.get("venue", ""), content.get("year", 0))
