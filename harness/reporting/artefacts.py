"""Arrays that a run kept beside its record: ranked lists, attention maps, scores, features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.files.arrays import DAMAGED_ARRAYS
from harness.results.record import Record


class Unusable(Exception):
    """An artefact that cannot be used; the message is one sentence for the page."""


class NotKept(Unusable):
    """An artefact that the run did not write."""


@dataclass(frozen=True)
class Artefacts:
    """The files of evaluated records below one results folder."""

    results: Path

    def path(self, record: Record, name: str) -> Path:
        """Where an artefact of a record stands."""
        return self.results / str(record["evaluation"]) / f"{name}.npz"

    def read(self, record: Record, name: str, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The ``wanted`` arrays of ``<evaluation>/<name>.npz``; those the file lacks are left out.

        Raises NotKept for a file that is absent, Unusable for one that is damaged.
        """
        where = f"{record['evaluation']}/{name}.npz"
        try:
            with np.load(self.path(record, name), allow_pickle=False) as stored:
                return {key: stored[key] for key in wanted if key in stored.files}
        except FileNotFoundError as error:
            raise NotKept(f"{where} was not kept.") from error
        except DAMAGED_ARRAYS as error:
            raise Unusable(f"{where} is damaged; delete it and run the cell again.") from error
