"""Whether a dataset is under a data root, and where. Needs neither torch nor numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from harness.datasets.base import DatasetSpec
from harness.datasets.sources import WITHDRAWN

Presence = Literal["found", "withdrawn", "not found", "loader not built"]


def presence(spec: DatasetSpec, data_root: Path) -> Presence:
    """Whether the dataset is there, or why not."""
    if spec.embedded or (spec.find and spec.find(data_root)):
        return "found"
    if spec.id in WITHDRAWN:
        return "withdrawn"
    return "not found" if spec.find else "loader not built"


def described_place(spec: DatasetSpec, data_root: Path) -> str:
    """The place of a found dataset in words; empty for a dataset that is not there."""
    if spec.embedded:
        return "drawn by the harness when it is first used"
    folder = spec.find(data_root) if spec.find else None
    withdrawn = " (withdrawn by its authors)" if spec.id in WITHDRAWN else ""
    return f"at {folder}{withdrawn}" if folder else ""
