"""A dataset as it is on disk: splits and passport. A spec: the facts known before it is read."""

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

    ``names`` are file paths relative to the dataset's root, with forward slashes. ``identities`` and ``cameras`` are
    (N,) int64. Cameras count from 1; all are 0 if the dataset has none.
    """

    names: tuple[str, ...]
    identities: NDArray[np.int64]
    cameras: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Passport:
    """The manifest of a dataset as found.

    ``variant`` names the variant in words, for display. ``fingerprint`` is a SHA-256 over each file's name, content,
    identity and camera; no path above the dataset's root enters. ``counts`` are the counts found: ``train_images``,
    ``train_ids``, ``query_images``, ``query_ids``, ``gallery_images``, ``gallery_ids``, ``cameras``, and more for some
    datasets. ``remarks`` are sentences on differences from the published dataset. ``official`` says that every
    published count was found; a dataset drawn here, or of a user's own, is not official.
    """

    dataset: str
    variant: str
    fingerprint: str
    counts: Mapping[str, int]
    remarks: tuple[str, ...] = ()
    official: bool = False


@dataclass(frozen=True, eq=False)
class Dataset:
    """A loaded dataset.

    ``gallery`` holds the images that are ranked; ``junk`` those removed from it, if any. If a protocol draws its
    galleries (``harness.evaluation.galleries``), ``gallery`` holds every image that a trial may draw, sorted by name.
    ``multi_query`` gives, per query, the rows of ``extra`` pooled with it; only some protocols pool. ``embedded``
    marks a dataset drawn by our own code: its images may always be shown. Images of ``infrared_cameras`` are infrared,
    all others visible. ``number`` is the numbered split, or 0 for a dataset without.
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
        """Whether each image of ``split`` is infrared, (N,)."""
        import numpy as np

        return np.isin(split.cameras, self.infrared_cameras)


@dataclass(frozen=True)
class DatasetSpec:
    """The facts known of a dataset before it is read.

    Attributes:
        id: Its id.
        title: Its name on pages.
        published: Published counts, named as in ``Passport``.
        find: ``find(data_root)`` returns the dataset's folder, or None if it is not there. None: no loader is built.
        load: ``load(folder)`` reads and verifies the dataset (its first split, if it has several). It raises BadInput
            naming the file and the fix. None: no loader is built.
        trained_as: Id of the dataset with the same training set, if another has it (``market1501_multi_query`` trains
            as ``market1501``).
        tested_as: Id of the dataset with the same queries and gallery, if another has them.
        protocol: Id of the scoring rule.
        obtain: One sentence: how a user gets the data.
        embedded: The dataset is drawn by our own code.
        splits: Number of train/test splits (RegDB has ten). Each is a training of its own; a run's seed chooses it.
        load_split: ``load_split(folder, number)`` reads one split, numbered from 1. None for a dataset with one split.
        infrared: Some cameras are infrared.
        stand_in: Id of the embedded dataset that takes its place in a demo.
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
        """Number of the split of a run with this seed: seeds 0, 1, ... take splits 1, 2, ... in turn."""
        return seed % self.splits + 1

    @property
    def training_id(self) -> str:
        """Id of the dataset that runs train on."""
        return self.trained_as or self.id

    @property
    def test_id(self) -> str:
        """Id of the dataset with the same queries and gallery."""
        return self.tested_as or self.id
