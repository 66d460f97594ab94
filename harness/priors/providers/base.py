"""The interface of a provider of priors, and the reading of images for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import BadInput
from harness.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from harness.datasets.base import Split

Observe = Callable[[Path, "Split", Progress], "dict[str, NDArray[Any]]"]
"""Called with the dataset's root, a split and a progress callback. Returns arrays with one row per image."""


@dataclass(frozen=True)
class Provider:
    """A source of priors.

    ``statement`` names it with its version, for the file of priors and the run hash. ``arrays`` names the arrays that
    ``observe`` returns: ``keypoints`` (N, 17, 3) in COCO's order, x and y as fractions of the image's width and height,
    confidence 0..1; ``presence`` (N,) the probability that a person is there; ``mask`` (N, 64, 32) bool, true on the
    person; ``parsing`` (N, 64, 32) uint8, labelled as in ``harness.priors.parsing``.
    """

    statement: str
    arrays: tuple[str, ...]
    observe: Observe


def open_rgb(file: Path) -> Image.Image:
    """The image in colour, at its own size. Raises BadInput, naming the file, if it does not decode."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadInput(f"{file} cannot be decoded; replace it from the original archive") from error
