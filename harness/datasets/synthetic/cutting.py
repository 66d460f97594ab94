"""Cuts a photograph to its upper part and blows that up to the full box, as partial re-ID sets are made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from harness.datasets.synthetic.edition import HEIGHT, WIDTH
from harness.datasets.synthetic.photograph import Photograph


def cut(picture: Photograph, share: float) -> Photograph:
    """What is left of a photograph and its truth when only the upper ``share`` of its height is kept."""
    keypoints = picture.keypoints.copy()
    keypoints[:, 1] /= share
    keypoints[keypoints[:, 1] >= 1, 2] = 0
    rows = len(picture.parsing)
    kept = ((np.arange(rows) + 0.5) * share).astype(int)
    return replace(
        picture,
        image=_upper(picture.image, share),
        infrared_twin=_upper(picture.infrared_twin, share) if picture.infrared_twin else None,
        keypoints=keypoints,
        parsing=picture.parsing[kept],
    )


def _upper(image: Image.Image, share: float) -> Image.Image:
    return image.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR, box=(0, 0, WIDTH, share * HEIGHT))
