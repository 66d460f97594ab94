"""Lists the image files of a folder, with the identity and the camera in their names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from harness.errors import BadInput

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
DEEPER_MODES = ("I", "F")
"""First letters of Pillow's modes with more than 8 bits per channel. Converted to RGB, greys above 255 turn white."""

MARKET_NAME = re.compile(r"(?P<identity>-1|\d{4})_c(?P<camera>[1-9])s\d+_\d+_\d+(?:\.jpg){1,2}")
"""Identity, camera, sequence, frame and box, as in ``0002_c1s1_000451_03.jpg``; 38 files end in ``.jpg.jpg``."""


@dataclass(frozen=True)
class NamedImage:
    """One image file, with its identity and camera. ``name`` is its file name, or its path below the dataset's root."""

    name: str
    identity: int
    camera: int


def list_named_images(folder: Path, pattern: re.Pattern[str], example: str) -> list[NamedImage]:
    """The images of ``folder``, sorted by name. ``pattern``, with its groups identity and camera, matches whole names.

    Hidden files and files that are not images (``Thumbs.db``) are left out. Raises BadInput for an empty folder, and
    for images with other names: it counts them, names the first three, and shows ``example``.
    """
    images, strays = [], []
    for name in sorted(os.listdir(folder)):
        if name.startswith(".") or not name.lower().endswith(IMAGE_SUFFIXES):
            continue
        # Match the file name only: a folder named 2023_c1 above it is no identity.
        match = pattern.fullmatch(name)
        if match:
            images.append(NamedImage(name, int(match["identity"]), int(match["camera"])))
        else:
            strays.append(name)
    if strays:
        raise BadInput(
            f"{folder} holds {len(strays)} image(s) whose name does not say identity and camera as in {example}: "
            f"{', '.join(strays[:3])}; rename or remove them"
        )
    if not images:
        raise BadInput(f"{folder} holds no images; extract the original archive again")
    return images
