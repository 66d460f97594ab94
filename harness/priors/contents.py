"""Validates the arrays of a file of priors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import BadInput
from harness.priors.availability import PROVIDER

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHAPES = {"keypoints": (17, 3), "presence": (), "mask": (256,), "parsing": (64, 32)}
"""Shape of one image's row in each array."""
_FIX = "fix it, or move the file away and make it again"


def require_valid_arrays(file: Path, held: Mapping[str, NDArray[Any]]) -> None:
    """Raise BadInput, naming ``file`` and the array, if an array of ``held`` breaks the format.

    ``names`` are texts (N,). The arrays of ``SHAPES`` have N rows: ``keypoints`` and ``presence`` of finite numbers,
    ``mask`` of uint8, ``parsing`` of whole numbers. ``provider`` holds pairs of texts. Other arrays are ignored.
    """
    names = held.get("names")
    if names is None:
        raise BadInput(f"{file} does not name its images, it has no names; {_FIX}")
    if names.ndim != 1 or names.dtype.kind != "U":
        raise BadInput(f"{file}: names is not a list of texts but {_describe(names)}; {_FIX}")
    for name in sorted(SHAPES.keys() & held.keys()):
        expected = (len(names), *SHAPES[name])
        if held[name].shape != expected:
            raise BadInput(f"{file}: {name} has the shape {held[name].shape}, expected {expected}; {_FIX}")
        fault = _find_fault(name, held[name])
        if fault:
            raise BadInput(f"{file}: {name} {fault}; {_FIX}")
    stated = held.get(PROVIDER)
    if stated is not None and (stated.ndim != 2 or stated.shape[1] != 2 or stated.dtype.kind != "U"):
        raise BadInput(f"{file}: {PROVIDER} does not hold pairs of an array's name and its provider; {_FIX}")


def _find_fault(name: str, array: NDArray[Any]) -> str:
    """The first fault in the values of an array, in words; empty if there is none."""
    import numpy as np

    from harness.priors.parsing import RIGHT_LEG

    if name == "mask":
        return "" if array.dtype == np.uint8 else f"is {_describe(array)}, expected rows of packed bits (uint8)"
    if name == "parsing":
        if array.dtype.kind not in "iu":
            return f"is {_describe(array)}, expected whole numbers"
        outside = array[(array < 0) | (array > RIGHT_LEG)]
        return f"has the label {outside[0]}, expected 0 to {RIGHT_LEG}" if outside.size else ""
    if array.dtype.kind != "f":
        return f"is {_describe(array)}, expected floating-point numbers"
    if not np.isfinite(array).all():
        return "has values that are not finite"
    sure = array if name == "presence" else array[..., 2]
    if sure.size and (sure.min() < 0 or sure.max() > 1):
        return f"has the confidence {sure[(sure < 0) | (sure > 1)][0]:g}, expected 0 to 1"
    return _find_wrong_unit(array) if name == "keypoints" else ""


def _find_wrong_unit(keypoints: NDArray[Any]) -> str:
    """The fault, in words, if most confident joints lie far outside their images: their x, y are not fractions."""
    import numpy as np

    from harness.priors.parsing import CONFIDENT

    points = keypoints[..., :2][keypoints[..., 2] >= CONFIDENT]
    far = np.any((points < -1) | (points > 2), axis=1)
    if far.sum() * 2 <= len(points):
        return ""
    return f"has x, y such as {points[far][0].tolist()}, expected fractions of the image's width and height"


def _describe(array: NDArray[Any]) -> str:
    return f"an array of {array.dtype} in {array.ndim} dimension(s)"
