"""Checks a dataset as found: its counts against the published ones, and every image by decoding it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from harness.datasets.base import Dataset, DatasetSpec, Passport, Split
from harness.datasets.file_names import DEEPER_MODES, IMAGE_SUFFIXES
from harness.errors import BadInput
from harness.progress import Progress


@dataclass(frozen=True)
class Unreadable:
    """An image file that does not decode, and the decoder's reason."""

    file: Path
    reason: str


@dataclass(frozen=True)
class Finding:
    """The result of a check.

    ``problem`` is the loader's error if it could not read the dataset or one of its numbered splits; else empty.
    ``passport`` is the first split's, or None if this split could not be read. ``images`` counts image files per
    folder, relative to ``folder``. ``unreadable`` lists the images that do not decode.
    """

    spec: DatasetSpec
    folder: Path | None
    problem: str = ""
    passport: Passport | None = None
    images: Mapping[str, int] = field(default_factory=dict)
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def differences(self) -> dict[str, tuple[int | None, int]]:
        """Counts that differ from the published ones: name -> (found, published)."""
        found = self.passport.counts if self.passport else {}
        return {name: (found.get(name), n) for name, n in self.spec.published.items() if found.get(name) != n}

    @property
    def fine(self) -> bool:
        """Whether the dataset can be read, every image decodes, and every published count was found."""
        return not (self.problem or self.unreadable or self.differences)


class Inspector:
    """Checks datasets. An image shared by several datasets is decoded once."""

    def __init__(self) -> None:
        self._decoded: dict[Path, str | None] = {}

    def check(self, spec: DatasetSpec, data_root: Path, progress: Progress) -> Finding:
        """Check a dataset under ``data_root``. After a problem, the images are still counted and decoded."""
        if spec.find is None or spec.load is None:
            return Finding(spec, None, f"the loader of {spec.id} is not built yet")
        folder = spec.find(data_root)
        if folder is None:
            return Finding(spec, None, f"{spec.title} is not under {data_root}; {spec.obtain}")
        dataset, problem = None, ""
        try:
            dataset = spec.load(folder)
            if spec.load_split:
                for number in range(2, spec.splits + 1):
                    spec.load_split(folder, number)
        except BadInput as error:
            problem = str(error)
        root = dataset.root if dataset else folder
        files = find_image_files(root) if dataset is None else sorted({*find_image_files(root), *_split_files(dataset)})
        return Finding(
            spec,
            folder,
            problem,
            dataset.passport if dataset else None,
            Counter(file.parent.relative_to(root).as_posix() for file in files),
            self._find_unreadable(files, progress),
        )

    def _find_unreadable(self, files: Sequence[Path], progress: Progress) -> tuple[Unreadable, ...]:
        waiting = [file for file in files if file not in self._decoded]
        pool = ThreadPoolExecutor(os.cpu_count() or 1)
        try:
            for done, (file, reason) in enumerate(zip(waiting, pool.map(decoding_error, waiting), strict=True), 1):
                self._decoded[file] = reason
                progress(done, len(waiting))
        finally:
            # A user who stops the command does not wait for the other images.
            pool.shutdown(cancel_futures=True)
        return tuple(Unreadable(file, reason) for file in files if (reason := self._decoded[file]))


def find_image_files(root: Path) -> list[Path]:
    """Every image file below ``root``, sorted. Hidden files and folders are left out."""
    found = []
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if not name.startswith(".")]
        found += [Path(folder, name) for name in names if _is_image(name)]
    return sorted(found)


def decoding_error(file: Path) -> str | None:
    """Why an image does not decode, to its last row and in 8 bits per channel; None if it does."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            image.load()
            if image.mode.startswith(DEEPER_MODES):
                return f"more than 8 bits per channel (mode {image.mode}); save it with 8"
    except UnidentifiedImageError:
        return "not an image"
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # Pillow raises SyntaxError for a broken PNG and ValueError for a few broken headers.
        return str(error)
    return None


def _is_image(name: str) -> bool:
    return name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")


def _split_files(dataset: Dataset) -> set[Path]:
    """The image files named by the splits."""
    splits: list[Split | None] = [dataset.train, dataset.query, dataset.gallery, dataset.extra]
    return {dataset.root / name for split in splits if split is not None for name in split.names}
