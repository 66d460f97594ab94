"""Where a network looks: the attention maps of a record drawn over their images (as Figs. 8 and 9 of MPN do)."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib
import numpy as np
from numpy.typing import NDArray

from harness.reporting.artefacts import Artefacts, NotKept, Unusable
from harness.reporting.pictures import Sprite, heat_over, sprite
from harness.store import Record

SHOWN = 6
"""Images shown of a record: enough to see whether a map keeps to its place."""


@dataclass(frozen=True)
class Attention:
    """Rows of an image followed by its maps, and what each map is called; ``caption`` says what they show.

    ``remark`` says why there are none.
    """

    parts: tuple[str, ...]
    rows: tuple[Sprite, ...]
    caption: str = ""
    remark: str = ""


def attention(record: Record, artefacts: Artefacts) -> Attention | None:
    """The attention of a record, or None where its method draws none or its maps were not kept."""
    try:
        stored = artefacts.read(record, "attention", ("images", "maps", "names", "caption"))
        images, maps, names = stored["images"], stored["maps"], stored["names"]
    except NotKept:
        return None
    except Unusable as reason:
        return Attention((), (), remark=str(reason))
    except KeyError as missing:
        remark = f"{record['evaluation']}/attention.npz holds no {missing}; run the cell again."
        return Attention((), (), remark=remark)
    rows = tuple(sprite(_side_by_side(image, own)) for image, own in zip(images[:SHOWN], maps[:SHOWN], strict=True))
    return Attention(tuple(str(name) for name in names), rows, str(stored.get("caption", "")))


def _side_by_side(image: NDArray[np.uint8], maps: NDArray[np.uint8]) -> NDArray[np.uint8]:
    colours = matplotlib.colormaps["inferno"](np.arange(256))[:, :3]
    return np.stack([image, *(heat_over(image, heat, colours) for heat in maps)])
