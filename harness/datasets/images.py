"""Decoded images. Each image of a split is decoded and resized once; all processes map the result from the cache."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import numpy as np
import PIL
from filelock import FileLock
from PIL import Image

from harness.datasets.file_names import DEEPER_MODES
from harness.errors import BadInput
from harness.files.cache import cache_folder
from harness.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.datasets.base import Dataset, Split

SplitName = Literal["train", "query", "gallery", "extra", "junk"]

IMAGES_PER_CHUNK = 512
"""Images decoded between two writes."""


def decoded(
    dataset: Dataset, split_name: SplitName, height: int, width: int, progress: Progress | None = None
) -> NDArray[np.uint8]:
    """The images of a split, resized with antialiased bilinear interpolation.

    The first call decodes on all cores into the cache folder. Later calls, of any process, map this file. If the disk
    is full, a warning says so, and the array is held in memory.

    Args:
        dataset: The dataset.
        split_name: Name of the split.
        height: Height of the result in pixels.
        width: Width of the result in pixels.
        progress: Called with the images done and all images.

    Returns:
        A read-only (N, height, width, 3) array of RGB bytes, in the order of the split's rows.

    Raises:
        BadInput: Images cannot be decoded. Each is tried once; all are counted and the first three named.
    """
    split: Split = getattr(dataset, split_name)
    shape = (len(split), height, width, 3)
    # The passport ignores the order of images. Pixels depend on the decoder, so each Pillow version has its own file.
    order = hashlib.sha256("\n".join(split.names).encode()).hexdigest()
    content = f"{dataset.passport.fingerprint[:16]}-{split_name}-{order[:8]}"
    name = f"{content}-{height}x{width}-pillow{PIL.__version__}.npy"
    kept = cache_folder() / "images" / name
    images = _map(kept, shape)
    if images is not None:
        return images
    try:
        kept.parent.mkdir(exist_ok=True)
        with FileLock(kept.with_suffix(".lock")):
            # Another process may have made it while this one waited.
            images = _map(kept, shape)
            if images is None:
                _write(kept, _decode_chunks(dataset.root, split, height, width, progress), shape)
                images = _map(kept, shape)
    except OSError as error:
        warnings.warn(
            f"decoded images are held in memory because {kept.parent} cannot take them ({error.strerror}); "
            "free some space or set HARNESS_CACHE to a larger disk",
            stacklevel=2,
        )
    if images is None:
        images = np.concatenate(list(_decode_chunks(dataset.root, split, height, width, progress)))
        images.flags.writeable = False
    return images


def _map(kept: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """The kept array; None if it is not there or damaged (cut short, or of another shape)."""
    try:
        images: NDArray[np.uint8] = np.load(kept, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    return images if images.shape == shape and images.dtype == np.uint8 else None


def _write(kept: Path, chunks: Iterator[NDArray[np.uint8]], shape: tuple[int, ...]) -> None:
    """Write the array beside ``kept`` and rename it. A killed process leaves nothing that looks complete."""
    partial = kept.with_suffix(".part")
    try:
        # Plain writes, not a mapping: on a full disk a write fails cleanly, but a mapping kills the process.
        with open(partial, "wb") as file:
            _write_header(file, shape)
            for chunk in chunks:
                file.write(chunk.data)
        os.replace(partial, kept)
    finally:
        partial.unlink(missing_ok=True)


def _write_header(file: BinaryIO, shape: tuple[int, ...]) -> None:
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def _decode_chunks(
    root: Path, split: Split, height: int, width: int, progress: Progress | None
) -> Iterator[NDArray[np.uint8]]:
    """Decoded images, at most ``IMAGES_PER_CHUNK`` at a time. Raises BadInput after the last if some do not decode."""
    total = len(split)
    corrupt: list[Path] = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for start in range(0, total, IMAGES_PER_CHUNK):
            files = [root / name for name in split.names[start : start + IMAGES_PER_CHUNK]]
            images = list(pool.map(lambda file: _decode(file, height, width), files, chunksize=16))
            corrupt += [file for file, image in zip(files, images, strict=True) if image is None]
            if not corrupt:
                yield np.stack([image for image in images if image is not None])
            if progress is not None:
                progress(start + len(files), total)
    if corrupt:
        count = "1 image" if len(corrupt) == 1 else f"{len(corrupt)} images"
        raise BadInput(
            f"{count} cannot be decoded to 8 bits per channel: {', '.join(map(str, corrupt[:3]))}; replace them from "
            "the original archive (python -m harness.data check says what is wrong with each)"
        )


def _decode(file: Path, height: int, width: int) -> NDArray[np.uint8] | None:
    """The image as (height, width, 3) RGB bytes; None if it is corrupt, missing, or deeper than 8 bits."""
    try:
        with Image.open(file) as image:
            if image.mode.startswith(DEEPER_MODES):
                return None
            return np.asarray(image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        # Pillow raises SyntaxError for a broken PNG and ValueError for a few broken headers.
        return None
