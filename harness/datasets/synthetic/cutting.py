"""Cuts a photograph to its upper part and enlarges this to the full box, as in partial re-ID datasets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from harness.datasets.synthetic.edition import HEIGHT, WIDTH
from harness.datasets.synthetic.photograph import Photograph


def crop_upper(picture: Photograph, share: float) -> Photograph:
    """The upper ``share`` of a photograph's height, enlarged to full size, with its truth."""
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
