"""Where a network looks: a record's attention maps over their images (Figs. 8 and 9 of MPN, 9 and 10 of MDPR)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray

from harness.reporting.artefacts import Artefacts, NotKept, Unusable
from harness.reporting.cells import MeasuredCell
from harness.reporting.sprites import Sprite, heat_over, sprite
from harness.results.record import Record

Stored = dict[str, NDArray[Any]]


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


def attentions(cells: Sequence[MeasuredCell], artefacts: Artefacts) -> list[Attention]:
    """The attention of done cells in the order of the rows; rows that read one network in several ways share theirs.

    Left out are cells whose method draws none and whose maps were not kept.
    """
    found: dict[str, Attention] = {}
    for cell in cells:
        stored = _stored(cell.done[0], artefacts)
        if stored is None:
            continue
        key = stored if isinstance(stored, str) else _digest(stored)
        if key not in found:
            found[key] = Attention((), remark=stored) if isinstance(stored, str) else _drawn(stored)
        found[key] = replace(found[key], cells=(*found[key].cells, cell.row.key))
    return list(found.values())


def _stored(record: Record, artefacts: Artefacts) -> Stored | str | None:
    """What a record kept; a sentence where it cannot be used, None where nothing was kept."""
    try:
        stored = artefacts.read(record, "attention", ("images", "maps", "names", "caption"))
    except NotKept:
        return None
    except Unusable as reason:
        return str(reason)
    missing = {"images", "maps", "names"} - stored.keys()
    if missing:
        return f"{record['evaluation']}/attention.npz holds no {min(missing)}; run the cell again."
    return stored


def _digest(stored: Stored) -> str:
    digest = hashlib.sha256()
    for name, array in stored.items():
        digest.update(f"{name} {array.dtype} {array.shape} ".encode() + array.tobytes())
    return digest.hexdigest()


def _drawn(stored: Stored) -> Attention:
    pairs = zip(stored["images"], stored["maps"], strict=True)
    rows = tuple(sprite(_side_by_side(image, maps)) for image, maps in pairs)
    parts = tuple(str(name) for name in stored["names"])
    return Attention((), parts, rows, str(stored.get("caption", "")))


def _side_by_side(image: NDArray[np.uint8], maps: NDArray[np.uint8]) -> NDArray[np.uint8]:
    colours = matplotlib.colormaps["inferno"](np.arange(256))[:, :3]
    return np.stack([image, *(heat_over(image, heat, colours) for heat in maps)])
