"""Where a network looks: a record's attention maps over their images (Figs. 8 and 9 of MPN, 9 and 10 of MDPR)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInput
from harness.reporting.cells import MeasuredCell
from harness.reporting.sprites import Sprite, heat_over, sprite
from harness.results.stored import NotKept, StoredArrays

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Attention:
    """Rows of an image followed by its maps, and what each map is called; ``caption`` says what they show.

    ``cells`` are the table's rows of which this is the attention; ``remark`` says why there is none.
    """

    cells: tuple[str, ...]
    parts: tuple[str, ...] = ()
    rows: tuple[Sprite, ...] = ()
    caption: str = ""
    remark: str = ""


def attentions(cells: Sequence[MeasuredCell], stored: StoredArrays) -> list[Attention]:
    """The attention of done cells in the order of the rows; rows that read one network in several ways share theirs.

    Cells whose method draws none, and those whose maps were not kept, are left out.
    """
    found: dict[str, Attention] = {}
    for cell in cells:
        try:
            arrays = stored.read(cell.done[0], "attention", ("images", "maps", "names"), ("caption",))
        except NotKept:
            continue
        except BadInput as error:
            key, attention = str(error), Attention((), remark=stored.on_page(error))
        else:
            key = _digest(arrays)
            attention = found.get(key) or _drawn(arrays)
        found[key] = replace(attention, cells=(*(found[key].cells if key in found else ()), cell.row.key))
    return list(found.values())


def _digest(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype} {array.shape} ".encode() + array.tobytes())
    return digest.hexdigest()


def _drawn(arrays: Arrays) -> Attention:
    pairs = zip(arrays["images"], arrays["maps"], strict=True)
    rows = tuple(sprite(_side_by_side(image, maps)) for image, maps in pairs)
    parts = tuple(str(name) for name in arrays["names"])
    return Attention((), parts, rows, str(arrays.get("caption", "")))


def _side_by_side(image: NDArray[np.uint8], maps: NDArray[np.uint8]) -> NDArray[np.uint8]:
    colours = matplotlib.colormaps["inferno"](np.arange(256))[:, :3]
    return np.stack([image, *(heat_over(image, heat, colours) for heat in maps)])
