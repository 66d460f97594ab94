"""The datasets under one data root. Each is read once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.datasets import dataset as dataset_spec
from harness.errors import BadInput

if TYPE_CHECKING:
    from harness.datasets.base import Dataset, DatasetSpec
    from harness.priors import Priors


class Shelf:
    """Reads datasets and priors for plans and runs."""

    def __init__(self, data_root: Path) -> None:
        self.data_root = data_root
        self._loaded: dict[tuple[str, int], Dataset] = {}
        self._priors: dict[tuple[str, int, str, tuple[str, ...]], Priors] = {}

    def missing(self, dataset_id: str) -> str | None:
        """Why a dataset cannot be read, in one sentence; None where it can."""
        spec = dataset_spec(dataset_id)
        if spec.find is None or spec.load is None:
            return f"the loader of {dataset_id} is not built yet"
        if self._folder(spec) is None:
            return f"{spec.title} is not under {self.data_root}; {spec.obtain}"
        return None

    def drawn(self, dataset_id: str) -> bool:
        """Whether the dataset is on disk. An embedded one may still have to be drawn."""
        folder = self._folder(dataset_spec(dataset_id))
        return folder is not None and folder.exists()

    def dataset(self, dataset_id: str, seed: int) -> Dataset:
        """The loaded dataset. If it has several numbered splits, the seed picks one.

        Raises BadInput, naming the file and the fix, if it is missing or damaged.
        """
        spec = dataset_spec(dataset_id)
        split = spec.split_of(seed)
        if (dataset_id, split) not in self._loaded:
            folder = self._folder(spec)
            if spec.load is None or folder is None:
                raise BadInput(self.missing(dataset_id))
            loaded = spec.load_split(folder, split) if spec.load_split else spec.load(folder)
            self._loaded[dataset_id, split] = loaded
        return self._loaded[dataset_id, split]

    def priors(self, dataset_id: str, seed: int, split: str, kinds: tuple[str, ...]) -> Priors:
        """Priors of a split.

        Args:
            dataset_id: Id of the dataset.
            seed: Seed of the run, which picks one of several numbered splits.
            split: ``train``, ``query`` or ``gallery``.
            kinds: Kinds of prior to read.

        Raises:
            BadInput: They cannot be read. The message names the file and the fix.
        """
        from harness.priors import load_priors

        key = (dataset_id, dataset_spec(dataset_id).split_of(seed), split, kinds)
        if key not in self._priors:
            self._priors[key] = load_priors(self.dataset(dataset_id, seed), split, kinds, self.data_root)
        return self._priors[key]

    def _folder(self, spec: DatasetSpec) -> Path | None:
        return spec.find(self.data_root) if spec.find else None
