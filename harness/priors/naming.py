"""How a file of priors names images."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.datasets.base import Split


def image_names(split: Split) -> list[str]:
    """The name of each image of a split: its file name, or its path below the dataset's root where those repeat.

    They repeat in SYSU-MM01, whose images are numbered anew in each person's folder.
    """
    names = [PurePosixPath(name).name for name in split.names]
    return names if len(set(names)) == len(set(split.names)) else list(split.names)
