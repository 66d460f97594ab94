"""Image files of one folder, with the identity and the camera that their names say."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from harness.errors import BadInput

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
DEEPER_MODES = ("I", "F")
"""What the modes of images with more than 8 bits a channel begin with; made RGB, greys above 255 are all white."""

MARKET_NAME = re.compile(r"(?P<identity>-1|\d{4})_c(?P<camera>[1-9])s\d+_\d+_\d+(?:\.jpg){1,2}")
"""Identity, camera, sequence, frame and box, as in ``0002_c1s1_000451_03.jpg``; 38 files end in ``.jpg.jpg``."""


@dataclass(frozen=True)
class NamedImage:
    """One image file: ``name`` without its folder, the identity and the camera it was named for."""

    name: str
    identity: int
    camera: int


def named_images(folder: Path, pattern: re.Pattern[str], example: str) -> list[NamedImage]:
    """The images of ``folder``, sorted by name, where ``pattern`` with its groups identity and camera is a whole name.

    Files that are not images (``Thumbs.db``) and hidden ones are left out. Raises BadInput for an empty folder, and for
    images with other names: counted, with the first three named and ``example`` as the form expected.
    """
    images, strays = [], []
    for name in sorted(os.listdir(folder)):
        if name.startswith(".") or not name.lower().endswith(IMAGE_SUFFIXES):
            continue
        # Only the name is read: a folder above it called 2023_c1 must not become an identity.
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
