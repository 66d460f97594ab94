"""Arrays that an evaluation stored beside its record: scores, features, ranked lists, attention maps."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import BadInput
from harness.files.arrays import DamagedArrayFile, NoArrayFile, read_arrays
from harness.results.record import DoneRecord

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.evaluation.claims import ClaimSide
    from harness.evaluation.ladder import StoredFeatures


class NotKept(BadInput):
    """An array file that the evaluation did not write."""


class StoredArrays:
    """The arrays of evaluated records below one results folder.

    Every reader raises NotKept where the file is not there, and BadInput, naming the file and the fix, where it is
    damaged.
    """

    def __init__(self, results: Path) -> None:
        self.results = results

    def path(self, record: DoneRecord, name: str) -> Path:
        """The file of these arrays: ``scores``, ``features``, ``strips`` or ``attention``."""
        return self.results / record["evaluation"] / f"{name}.npz"

    def read(
        self, record: DoneRecord, name: str, required: Iterable[str], optional: Iterable[str] = ()
    ) -> dict[str, NDArray[Any]]:
        """Arrays of a file by name.

        Args:
            record: The record that the arrays belong to.
            name: The file, without ``.npz``.
            required: Arrays that must be there.
            optional: Arrays that are read if they are there.
        """
        path = self.path(record, name)
        try:
            return read_arrays(path, required, optional)
        except NoArrayFile as error:
            raise NotKept(f"{path} was not kept; run the cell again") from error
        except DamagedArrayFile as error:
            raise BadInput(f"{path} is damaged ({error.reason}); delete it and run the cell again") from error

    def on_page(self, error: BadInput) -> str:
        """The sentence of an error, for a page: files are named relative to the results folder."""
        return str(error).replace(f"{self.results}/", "")

    def features(self, record: DoneRecord) -> StoredFeatures:
        """The features that the record was scored from, with and without flip where both were kept."""
        from harness.evaluation.ladder import StoredFeatures

        return StoredFeatures.read(self.path(record, "features"), record["receipt"]["protocol"]["flip_test"])

    def per_query(self, records: Iterable[DoneRecord]) -> ClaimSide:
        """The scores of records on the same queries, query by query, and the queries' identities."""
        import numpy as np

        from harness.evaluation.claims import ClaimSide
        from harness.evaluation.metrics import Scores

        records = tuple(records)
        for path in (self.path(record, "scores") for record in records):
            if not path.exists():
                raise NotKept(f"{path} was not kept; run the cell again")
        scores = tuple(Scores.load(self.path(record, "scores")) for record in records)
        identities = self.read(records[0], "scores", ["query_ids"])["query_ids"]
        if identities.ndim != 1:
            raise BadInput(f"{self.path(records[0], 'scores')}: query_ids is no list; run the cell again")
        return ClaimSide(scores, identities.astype(np.int64))
