"""A dataset as it is on disk: splits, passport, and how it is found under the data root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Split:
    """Images of one split, row by row.

    ``names`` are file paths relative to the dataset's root, with forward slashes; ``identities`` and ``cameras`` are
    (N,) int64. Cameras count from 1, or are 0 where the dataset has none.
    """

    names: tuple[str, ...]
    identities: NDArray[np.int64]
    cameras: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Passport:
    """The manifest of a dataset as found.

    ``variant`` is the known variant it is (``"official"``, or what differs in words); ``fingerprint`` a SHA-256 of each
    file's name, content, identity and camera, that no path above the dataset's root enters; ``counts`` maps
    ``train_images``, ``train_ids``, ``query_images``, ``query_ids``, ``gallery_images``, ``gallery_ids``, ``cameras``
    (and more where a dataset has them) to what was found; ``remarks`` are sentences on what differs from the published.
    """

    dataset: str
    variant: str
    fingerprint: str
    counts: Mapping[str, int]
    remarks: tuple[str, ...] = ()
    official: bool = False
    """Whether every published count was found."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """A loaded dataset. ``gallery`` holds only what is ranked; ``junk`` is what was removed from it, if anything was.

    ``multi_query`` maps a query's row to the extra images (rows of ``extra``) pooled for it, where a protocol pools.
    ``embedded`` marks the dataset drawn by our own code, whose images may always be shown. ``infrared_cameras`` are
    the cameras whose images are infrared; all others are visible. ``number`` says which of a dataset's numbered splits
    it is, and is 0 for a dataset without. Where a protocol draws its galleries
    (``harness.evaluation.galleries``), ``gallery`` holds every image that a trial may draw, sorted by name.
    """

    id: str
    root: Path
    train: Split
    query: Split
    gallery: Split
    passport: Passport
    embedded: bool = False
    extra: Split | None = None
    junk: Split | None = None
    multi_query: tuple[tuple[int, ...], ...] | None = None
    infrared_cameras: tuple[int, ...] = ()
    number: int = 0

    def infrared(self, split: Split) -> NDArray[np.bool_]:
        """Which images of one of its splits are infrared (N,)."""
        import numpy as np

        return np.isin(split.cameras, self.infrared_cameras)


@dataclass(frozen=True)
class DatasetSpec:
    """What is known of a dataset before it is read.

    ``published`` maps the count names of ``Passport`` to the published counts. ``find(data_root)`` gives the dataset's
    folder, or None when it is not there; ``load(folder)`` reads and verifies it, raising BadInput that names the file
    and the mend. Both are None while the loader is not built. ``trained_as`` is the dataset whose training set it uses
    (``market1501_multi_query`` trains as ``market1501``); by default its own id. ``tested_as`` is the dataset whose
    queries and gallery are its own too, image for image; by default its own id. ``protocol`` is the scoring rule.
    ``obtain`` says in a sentence how a user gets the data. ``load_split(folder, number)``, for a dataset of several
    train/test splits numbered from 1 to ``splits`` (RegDB), reads one of them; each split is a training of its own, so
    the seed of a run chooses it. ``load`` reads the first. ``infrared`` says that some cameras are infrared;
    ``stand_in`` is the embedded dataset that takes its place in a demo.
    """

    id: str
    title: str
    published: Mapping[str, int] = field(default_factory=dict)
    find: Callable[[Path], Path | None] | None = None
    load: Callable[[Path], Dataset] | None = None
    trained_as: str = ""
    tested_as: str = ""
    protocol: str = "market1501"
    obtain: str = ""
    embedded: bool = False
    splits: int = 1
    load_split: Callable[[Path, int], Dataset] | None = None
    infrared: bool = False
    stand_in: str = "synthetic"

    def split_of(self, seed: int) -> int:
        """Number of the split that a run with this seed trains and is tested on: seeds 0, 1, ... take 1, 2, ..."""
        return seed % self.splits + 1

    @property
    def training_id(self) -> str:
        """Id of the dataset that a run for this one trains on."""
        return self.trained_as or self.id

    @property
    def test_id(self) -> str:
        """Id of the dataset that has the same queries and gallery."""
        return self.tested_as or self.id
