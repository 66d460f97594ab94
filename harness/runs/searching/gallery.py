"""The features of a gallery, kept in the cache: only images that are new or changed are embedded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.files.arrays import DamagedArrayFile, NoArrayFile, read_arrays
from harness.files.atomic import write_arrays
from harness.files.cache import cache_folder
from harness.files.hashing import canonical_hash
from harness.progress import Progress
from harness.runs.exporting.embedder import Embedder


@dataclass(frozen=True)
class Gallery:
    """The images of a gallery's folder, sorted by path, and their features (G, D) in float16, of length 1."""

    folder: Path
    files: tuple[Path, ...]
    features: Tensor

    @property
    def names(self) -> list[str]:
        """Paths below the folder."""
        return [path.relative_to(self.folder).as_posix() for path in self.files]


def embedded_gallery(
    embedder: Embedder, folder: Path, files: Sequence[Path], infrared: bool | None, progress: Progress
) -> Gallery:
    """The gallery with its features. Those of images of the same name, size and time of change come from the cache.

    The cached file is named by the folder and by everything that makes a feature: weights, feature, image size, mirror
    and modality. A damaged one is made anew.

    Args:
        embedder: The trained network.
        folder: The gallery's folder.
        files: Its images.
        infrared: Whether they are infrared, for a network that asks.
        progress: Called with the images done and the images to embed.

    Raises:
        BadInput: An image cannot be decoded.
    """
    kept = _cached_file(embedder, folder, infrared)
    stamps = [_stamp(path, folder) for path in files]
    known = _known(kept)
    new = [number for number, stamp in enumerate(stamps) if stamp not in known]
    if new:
        found = embedder.embed([files[number] for number in new], infrared, progress).half().numpy()
        known |= {stamps[number]: features for number, features in zip(new, found, strict=True)}
    features = np.stack([known[stamp] for stamp in stamps])
    if new:
        write_arrays(kept, {"stamps": np.array(stamps), "features": features})
    return Gallery(folder, tuple(files), torch.from_numpy(features))


def _cached_file(embedder: Embedder, folder: Path, infrared: bool | None) -> Path:
    facts = embedder.facts
    makes = [facts[name] for name in ("weights", "feature", "flip_test", "height", "width")]
    return cache_folder() / "galleries" / f"{canonical_hash([*makes, infrared, str(folder.resolve())])}.npz"


def _stamp(path: Path, folder: Path) -> str:
    """Name, size and time of change of an image: what tells that it is the one embedded before."""
    found = path.stat()
    return f"{path.relative_to(folder).as_posix()}|{found.st_size}|{found.st_mtime_ns}"


def _known(kept: Path) -> dict[str, NDArray[np.float16]]:
    """Features by stamp; none where no whole file is kept."""
    try:
        arrays = read_arrays(kept, ["stamps", "features"])
    except (NoArrayFile, DamagedArrayFile):
        return {}
    return dict(zip(arrays["stamps"].tolist(), arrays["features"], strict=False))
