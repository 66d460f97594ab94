"""What a provider of priors is, and the images it looks at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from harness.datasets.base import Split

Progress = Callable[[int, int], None]
"""Called with the images done and the images in all."""

Observe = Callable[[Path, "Split", Progress], "dict[str, NDArray[Any]]"]
"""Looks at the images of a split, given the dataset's root, and gives the arrays, row by row beside the images."""


@dataclass(frozen=True)
class Provider:
    """Something that knows priors of images.

    ``statement`` names it with its version, as the cache and the run hash keep it. ``arrays`` are the names of what
    ``observe`` gives: ``keypoints`` (N, 17, 3) in COCO's order, x and y as fractions of the image's width and height
    and confidence 0..1; ``presence`` (N,) the probability that a person is there; ``mask`` (N, 64, 32) bool, true on
    the person; ``parsing`` (N, 64, 32) uint8, labelled as in ``harness.priors.parsing``.
    """

    statement: str
    arrays: tuple[str, ...]
    observe: Observe


def rgb(file: Path) -> Image.Image:
    """The image in colour, at its own size. Raises BadInput naming a file that does not decode."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadInput(f"{file} cannot be decoded; replace it from the original archive") from error
