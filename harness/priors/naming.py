"""Names of images in a file of priors."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.datasets.base import Split


def image_names(split: Split) -> list[str]:
    """The name of each image of a split: its file name, or its path below the dataset's root if file names repeat.

    File names repeat in SYSU-MM01, which numbers the images of each person from 1.
    """
    names = [PurePosixPath(name).name for name in split.names]
    return names if len(set(names)) == len(set(split.names)) else list(split.names)
