"""The datasets found under one data root, each read once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.datasets import dataset as dataset_spec
from harness.errors import BadInput

if TYPE_CHECKING:
    from harness.datasets.base import Dataset, DatasetSpec
    from harness.priors import Priors


class Shelf:
    """What the plan and the runs read of a data root."""

    def __init__(self, data_root: Path) -> None:
        self.data_root = data_root
        self._loaded: dict[tuple[str, int], Dataset] = {}
        self._priors: dict[tuple[str, int, str, tuple[str, ...]], Priors] = {}

    def missing(self, dataset_id: str) -> str | None:
        """One sentence on why a dataset cannot be read, or None when it can."""
        spec = dataset_spec(dataset_id)
        if spec.find is None or spec.load is None:
            return f"the loader of {dataset_id} is not built yet"
        if self._folder(spec) is None:
            return f"{spec.title} is not under {self.data_root}; {spec.obtain}"
        return None

    def drawn(self, dataset_id: str) -> bool:
        """Whether reading the dataset is only reading: the embedded one may have to be drawn first."""
        folder = self._folder(dataset_spec(dataset_id))
        return folder is not None and folder.exists()

    def dataset(self, dataset_id: str, seed: int) -> Dataset:
        """The loaded dataset; of one with several splits, that which a run with this seed is of.

        Raises BadInput, naming the file and the fix, when it is not as it should be.
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
        """Priors of a split. Raises BadInput, naming the file and the fix, when they cannot be read."""
        from harness.priors import load_priors

        key = (dataset_id, dataset_spec(dataset_id).split_of(seed), split, kinds)
        if key not in self._priors:
            self._priors[key] = load_priors(self.dataset(dataset_id, seed), split, kinds, self.data_root)
        return self._priors[key]

    def _folder(self, spec: DatasetSpec) -> Path | None:
        return spec.find(self.data_root) if spec.find else None
